-- What the journal's Markdown has and Typst says otherwise: references to figures and tables; marks of numbers.

-- \autoref{fig:name} becomes a reference of Typst.
function RawInline(element)
  local label = element.format:match("tex") and element.text:match("^\\autoref{([%w:-]+)}$")
  if label then
    return pandoc.RawInline("typst", "@" .. label)
  end
  if element.format == "html" then -- the marks of numbers
    return {}
  end
end

function RawBlock(element)
  if element.format == "html" then
    return {}
  end
end

-- A table takes as much room as it needs, and has a line below its head.
function Table(element)
  for i, spec in ipairs(element.colspecs) do
    element.colspecs[i] = { i == 1 and "AlignLeft" or spec[1], nil }
  end
  return element
end

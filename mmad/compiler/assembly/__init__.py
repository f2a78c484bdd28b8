"""From a graph to the tables that the virtual machine reads: units, registers, buffers."""

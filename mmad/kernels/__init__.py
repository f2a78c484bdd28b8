"""The machine in C, and plain arrays: block kernels, groups, runs of numbers, products; windows, pools of memory."""

"""The virtual machine: programs, checked before they run."""

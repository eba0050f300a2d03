package dev.vmm.machine.model.pci;

/** A message-signalled interrupt on its way: 32 bits that a function writes to an address. */
record Message(long address, int data) {}

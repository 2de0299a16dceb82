// Two processors with all the controls of CPPC, each with a channel of its own:
// _CPC of revision 4, made by a method, and of revision 2, which has no
// frequencies: 400 is what the SMBIOS says, 2000 MHz, and so 5 MHz a step.
DefinitionBlock ("", "SSDT", 2, "PCCD", "CPPC4", 1)
{
  External (\_SB.C000, DeviceObj)
  External (\_SB.C001, DeviceObj)

  Method (\_SB._OSC, 4, NotSerialized)
  {
    CreateDWordField (Arg3, 0, STAT)
    If (Arg0 != ToUUID ("0811b06e-4a27-44f9-8d60-3cbbc22e7b48"))
    {
      STAT |= 4
      Return (Arg3)
    }
    CreateDWordField (Arg3, 4, CAPS)
    CAPS &= 0x4060
    Return (Arg3)
  }

  Scope (\_SB.C000)
  {
    // Resource Priority (ACPI 6.6 8.4.6.1.2.7) is a package, which Linux 7 takes
    // and passes over; 6.12 stops before the two that came with revision 4. iasl
    // knows no package in _CPC: it is put there when the method runs.
    Method (_CPC, 0, NotSerialized)
    {
      Local0 = Package () {
        25, 4,
        ResourceTemplate () { Register (PCC, 32, 0, 0x00, CHANNEL_CPU0) },
        ResourceTemplate () { Register (PCC, 32, 0, 0x04, CHANNEL_CPU0) },
        200,
        100,
        ResourceTemplate () { Register (PCC, 32, 0, 0x0C, CHANNEL_CPU0) },
        ResourceTemplate () { Register (PCC, 32, 0, 0x20, CHANNEL_CPU0) },
        ResourceTemplate () { Register (PCC, 32, 0, 0x24, CHANNEL_CPU0) },
        ResourceTemplate () { Register (PCC, 32, 0, 0x28, CHANNEL_CPU0) },
        ResourceTemplate () { Register (SystemMemory, 0, 0, 0, 0) },
        ResourceTemplate () { Register (SystemMemory, 0, 0, 0, 0) },
        ResourceTemplate () { Register (SystemMemory, 0, 0, 0, 0) },
        ResourceTemplate () { Register (PCC, 64, 0, 0x10, CHANNEL_CPU0) },
        ResourceTemplate () { Register (PCC, 64, 0, 0x18, CHANNEL_CPU0) },
        ResourceTemplate () { Register (PCC, 32, 0, 0x2C, CHANNEL_CPU0) },
        ResourceTemplate () { Register (SystemMemory, 0, 0, 0, 0) },
        ResourceTemplate () { Register (PCC, 8, 0, 0x39, CHANNEL_CPU0) },
        ResourceTemplate () { Register (PCC, 32, 0, 0x30, CHANNEL_CPU0) },
        ResourceTemplate () { Register (PCC, 8, 0, 0x38, CHANNEL_CPU0) },
        ResourceTemplate () { Register (PCC, 32, 0, 0x08, CHANNEL_CPU0) },
        500,
        1500,
        ResourceTemplate () { Register (PCC, 32, 0, 0x34, CHANNEL_CPU0) },
        0 }
      Local0[24] = Package () { }
      Return (Local0)
    }
  }

  Scope (\_SB.C001)
  {
    Name (_CPC, Package () {
      21, 2,
      ResourceTemplate () { Register (PCC, 32, 0, 0x00, CHANNEL_CPU1) },
      ResourceTemplate () { Register (PCC, 32, 0, 0x04, CHANNEL_CPU1) },
      200,
      100,
      ResourceTemplate () { Register (PCC, 32, 0, 0x0C, CHANNEL_CPU1) },
      ResourceTemplate () { Register (PCC, 32, 0, 0x20, CHANNEL_CPU1) },
      ResourceTemplate () { Register (PCC, 32, 0, 0x24, CHANNEL_CPU1) },
      ResourceTemplate () { Register (PCC, 32, 0, 0x28, CHANNEL_CPU1) },
      ResourceTemplate () { Register (SystemMemory, 0, 0, 0, 0) },
      ResourceTemplate () { Register (SystemMemory, 0, 0, 0, 0) },
      ResourceTemplate () { Register (SystemMemory, 0, 0, 0, 0) },
      ResourceTemplate () { Register (PCC, 64, 0, 0x10, CHANNEL_CPU1) },
      ResourceTemplate () { Register (PCC, 64, 0, 0x18, CHANNEL_CPU1) },
      ResourceTemplate () { Register (PCC, 32, 0, 0x2C, CHANNEL_CPU1) },
      ResourceTemplate () { Register (SystemMemory, 0, 0, 0, 0) },
      ResourceTemplate () { Register (PCC, 8, 0, 0x39, CHANNEL_CPU1) },
      ResourceTemplate () { Register (PCC, 32, 0, 0x30, CHANNEL_CPU1) },
      ResourceTemplate () { Register (PCC, 8, 0, 0x38, CHANNEL_CPU1) },
      ResourceTemplate () { Register (PCC, 32, 0, 0x08, CHANNEL_CPU1) } })
  }
}

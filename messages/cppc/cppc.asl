// Two processors with CPPC, each with a channel of its own: 5 MHz a step, from
// 100 (500 MHz) to 300 (1500 MHz), with boost to 400. Linux takes _CPC only if
// _OSC grants CPPC 2 (bit 6); it asks for bits 5 and 14 beside.
DefinitionBlock ("", "SSDT", 2, "PCCD", "CPPC", 1)
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
    Name (_CPC, Package () {
      23, 3,
      ResourceTemplate () { Register (PCC, 32, 0, 0x18, CHANNEL_CPU0) },
      ResourceTemplate () { Register (PCC, 32, 0, 0x1C, CHANNEL_CPU0) },
      200,
      100,
      ResourceTemplate () { Register (PCC, 32, 0, 0x20, CHANNEL_CPU0) },
      ResourceTemplate () { Register (PCC, 32, 0, 0x00, CHANNEL_CPU0) },
      ResourceTemplate () { Register (SystemMemory, 0, 0, 0, 0) },
      ResourceTemplate () { Register (SystemMemory, 0, 0, 0, 0) },
      ResourceTemplate () { Register (SystemMemory, 0, 0, 0, 0) },
      ResourceTemplate () { Register (SystemMemory, 0, 0, 0, 0) },
      ResourceTemplate () { Register (SystemMemory, 0, 0, 0, 0) },
      ResourceTemplate () { Register (PCC, 64, 0, 0x08, CHANNEL_CPU0) },
      ResourceTemplate () { Register (PCC, 64, 0, 0x10, CHANNEL_CPU0) },
      ResourceTemplate () { Register (PCC, 32, 0, 0x04, CHANNEL_CPU0) },
      ResourceTemplate () { Register (SystemMemory, 0, 0, 0, 0) },
      0,
      ResourceTemplate () { Register (SystemMemory, 0, 0, 0, 0) },
      ResourceTemplate () { Register (SystemMemory, 0, 0, 0, 0) },
      300,
      500,
      1500 })
  }

  Scope (\_SB.C001)
  {
    Name (_CPC, Package () {
      23, 3,
      ResourceTemplate () { Register (PCC, 32, 0, 0x18, CHANNEL_CPU1) },
      ResourceTemplate () { Register (PCC, 32, 0, 0x1C, CHANNEL_CPU1) },
      200,
      100,
      ResourceTemplate () { Register (PCC, 32, 0, 0x20, CHANNEL_CPU1) },
      ResourceTemplate () { Register (PCC, 32, 0, 0x00, CHANNEL_CPU1) },
      ResourceTemplate () { Register (SystemMemory, 0, 0, 0, 0) },
      ResourceTemplate () { Register (SystemMemory, 0, 0, 0, 0) },
      ResourceTemplate () { Register (SystemMemory, 0, 0, 0, 0) },
      ResourceTemplate () { Register (SystemMemory, 0, 0, 0, 0) },
      ResourceTemplate () { Register (SystemMemory, 0, 0, 0, 0) },
      ResourceTemplate () { Register (PCC, 64, 0, 0x08, CHANNEL_CPU1) },
      ResourceTemplate () { Register (PCC, 64, 0, 0x10, CHANNEL_CPU1) },
      ResourceTemplate () { Register (PCC, 32, 0, 0x04, CHANNEL_CPU1) },
      ResourceTemplate () { Register (SystemMemory, 0, 0, 0, 0) },
      0,
      ResourceTemplate () { Register (SystemMemory, 0, 0, 0, 0) },
      ResourceTemplate () { Register (SystemMemory, 0, 0, 0, 0) },
      300,
      500,
      1500 })
  }
}

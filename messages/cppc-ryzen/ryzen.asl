// Two threads of a core, as Ryzen desktops of 2019 to 2022 have them: one channel
// for all, registers of 32 bits at the offsets of theirs, none for the counters
// (there, FFixedHW). 25 MHz a step, from 22 (550 MHz) to 152 (3800 MHz), with
// boost to 188 (4700 MHz).
DefinitionBlock ("", "SSDT", 2, "PCCD", "RYZEN", 1)
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

  // Both in domain 0, which the hardware coordinates.
  Method (\_SB.PSD, 0, NotSerialized)
  {
    Return (Package () { Package () { 5, 0, 0, 0xFE, 2 } })
  }

  Method (\_SB.CPC, 0, NotSerialized)
  {
    Return (Package () {
      23, 3,
      ResourceTemplate () { Register (PCC, 32, 0, 0x00, CHANNEL_CORE) },
      ResourceTemplate () { Register (PCC, 32, 0, 0x04, CHANNEL_CORE) },
      ResourceTemplate () { Register (PCC, 32, 0, 0x08, CHANNEL_CORE) },
      ResourceTemplate () { Register (PCC, 32, 0, 0x0C, CHANNEL_CORE) },
      ResourceTemplate () { Register (SystemMemory, 0, 0, 0, 0) },
      ResourceTemplate () { Register (PCC, 32, 0, 0x14, CHANNEL_CORE) },
      ResourceTemplate () { Register (PCC, 32, 0, 0x18, CHANNEL_CORE) },
      ResourceTemplate () { Register (PCC, 32, 0, 0x1C, CHANNEL_CORE) },
      ResourceTemplate () { Register (SystemMemory, 0, 0, 0, 0) },
      ResourceTemplate () { Register (SystemMemory, 0, 0, 0, 0) },
      ResourceTemplate () { Register (SystemMemory, 0, 0, 0, 0) },
      ResourceTemplate () { Register (SystemMemory, 0, 0, 0, 0) },
      ResourceTemplate () { Register (SystemMemory, 0, 0, 0, 0) },
      ResourceTemplate () { Register (PCC, 32, 0, 0x40, CHANNEL_CORE) },
      ResourceTemplate () { Register (PCC, 32, 0, 0x44, CHANNEL_CORE) },
      ResourceTemplate () { Register (PCC, 32, 0, 0x48, CHANNEL_CORE) },
      ResourceTemplate () { Register (SystemMemory, 0, 0, 0, 0) },
      ResourceTemplate () { Register (PCC, 32, 0, 0x50, CHANNEL_CORE) },
      ResourceTemplate () { Register (SystemMemory, 0, 0, 0, 0) },
      550,
      3800 })
  }

  Scope (\_SB.C000)
  {
    Method (_CPC, 0, NotSerialized) { Return (\_SB.CPC ()) }
    Method (_PSD, 0, NotSerialized) { Return (\_SB.PSD ()) }
  }

  Scope (\_SB.C001)
  {
    Method (_CPC, 0, NotSerialized) { Return (\_SB.CPC ()) }
    Method (_PSD, 0, NotSerialized) { Return (\_SB.PSD ()) }
  }
}

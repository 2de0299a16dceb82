// Two processors with CPPC in one channel, and the sensors of the SoC.
DefinitionBlock ("", "SSDT", 2, "PCCD", "ALTRA", 1)
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

  Method (\_SB.CPC, 0, NotSerialized)
  {
    Return (Package () {
      23, 3,
      ResourceTemplate () { Register (PCC, 32, 0, 0x18, CHANNEL_CPUS) },
      ResourceTemplate () { Register (PCC, 32, 0, 0x1C, CHANNEL_CPUS) },
      200,
      100,
      ResourceTemplate () { Register (PCC, 32, 0, 0x20, CHANNEL_CPUS) },
      ResourceTemplate () { Register (PCC, 32, 0, 0x00, CHANNEL_CPUS) },
      ResourceTemplate () { Register (SystemMemory, 0, 0, 0, 0) },
      ResourceTemplate () { Register (SystemMemory, 0, 0, 0, 0) },
      ResourceTemplate () { Register (SystemMemory, 0, 0, 0, 0) },
      ResourceTemplate () { Register (SystemMemory, 0, 0, 0, 0) },
      ResourceTemplate () { Register (SystemMemory, 0, 0, 0, 0) },
      ResourceTemplate () { Register (PCC, 64, 0, 0x08, CHANNEL_CPUS) },
      ResourceTemplate () { Register (PCC, 64, 0, 0x10, CHANNEL_CPUS) },
      ResourceTemplate () { Register (PCC, 32, 0, 0x04, CHANNEL_CPUS) },
      ResourceTemplate () { Register (SystemMemory, 0, 0, 0, 0) },
      0,
      ResourceTemplate () { Register (SystemMemory, 0, 0, 0, 0) },
      ResourceTemplate () { Register (SystemMemory, 0, 0, 0, 0) },
      300,
      500,
      1500 })
  }

  Method (\_SB.C000._CPC, 0, NotSerialized) { Return (\_SB.CPC ()) }
  Method (\_SB.C001._CPC, 0, NotSerialized) { Return (\_SB.CPC ()) }

  Device (\_SB.XHWM)
  {
    Name (_HID, "APMC0D29")
    Name (_UID, 0)
    Name (_DSD, Package () {
      ToUUID ("daffd814-6eba-4d8c-8a91-bc9bbf4aa301"),
      Package () { Package () { "pcc-channel", CHANNEL_SENSORS } }
    })
  }
}

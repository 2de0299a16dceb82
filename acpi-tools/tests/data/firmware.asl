// AML in the forms that firmware has, for tests: iasl compiles this to
// firmware.dat.
DefinitionBlock ("", "SSDT", 2, "PCCLAB", "PCCFIRM", 1)
{
  External (\_SB.CFGD, IntObj)
  Scope (\_SB)
  {
    // Features decide which of two packages counts.
    Device (C000)
    {
      Name (_HID, "ACPI0007")
      Name (_UID, 0)
      Name (CPC2, Package () { 21, 2,
        ResourceTemplate () { Register (PCC, 32, 0, 0x00, 1) },
        ResourceTemplate () { Register (PCC, 32, 0, 0x04, 1) },
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 })
      Name (CPOC, Package () { 23, 3,
        ResourceTemplate () { Register (PCC, 32, 0, 0x00, 1) },
        REG4,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, NOMF })
      Name (REG4, ResourceTemplate () { Register (PCC, 32, 0, 0x04, 1) })
      Name (NOMF, 2400)
      Method (_CPC, 0, NotSerialized)
      {
        If ((\_SB.CFGD & 0x01000000)) { Return (CPOC) }
        Else { Return (CPC2) }
      }
    }
    // The other processors have what the first one has.
    Device (C001)
    {
      Name (_HID, "ACPI0007")
      Name (_UID, 1)
      Method (_CPC, 0, NotSerialized) { Return (\_SB.C000._CPC ()) }
    }
    If (CondRefOf (\_SB.CFGD))
    {
      Device (HCC0)
      {
        Name (_HID, "HISI04B2")
        Method (_CRS, 0, Serialized)
        {
          Name (RBUF, ResourceTemplate () { Register (PCC, 8, 0, 0, 4) })
          Return (RBUF)
        }
      }
    }
    // A port that is set up first: no PCC in it, of no interest.
    Device (COM0)
    {
      Name (_HID, "PNP0501")
      Name (BUF0, ResourceTemplate () {
        IO (Decode16, 0x3F8, 0x3F8, 1, 8) IRQNoFlags () { 4 } })
      Method (_CRS, 0, Serialized)
      {
        CreateWordField (BUF0, 2, IOMN)
        IOMN = 0x2F8
        Return (BUF0)
      }
    }
    Device (OPR0)
    {
      Name (_HID, "PCCL0001")
      Name (SSID, 3)
      Method (SIZE) { Return (0x40) }
      OperationRegion (SHM0, PCC, SSID, 0x40)
      OperationRegion (SHM1, PCC, SSID, SIZE ())
      OperationRegion (SHM2, PCC, 3, 0x20 + 0x20)
    }
  }
}

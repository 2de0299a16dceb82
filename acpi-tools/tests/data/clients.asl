// One user of each kind, for tests: iasl compiles this to clients.dat.
DefinitionBlock ("", "SSDT", 2, "PCCLAB", "PCCALL", 1)
{
  External (\_SB.C000, DeviceObj)
  Scope (\_SB)
  {
    Device (HWM0)
    {
      Name (_HID, "APMC0D29")
      Name (_UID, 0)
      Name (_DSD, Package () {
        ToUUID ("daffd814-6eba-4d8c-8a91-bc9bbf4aa301"),
        Package () { Package () { "pcc-channel", 1 } } })
    }
    Device (HCC0)
    {
      Name (_HID, "HISI04B2")
      Name (_UID, 0)
      Name (_CRS, ResourceTemplate () { Register (PCC, 8, 0, 0, 4) })
    }
    Device (MCT0)
    {
      Name (_HID, EisaId ("DMT0001"))
      Name (_UID, 0)
      Name (_CRS, Buffer () {
        0x87, 0x17, 0x00, 0x0A, 0x0D, 0x00, 0,0,0,0, 5,0,0,0, 5,0,0,0,
        0,0,0,0, 1,0,0,0,
        0x87, 0x17, 0x00, 0x0A, 0x0D, 0x00, 0,0,0,0, 6,0,0,0, 6,0,0,0,
        0,0,0,0, 1,0,0,0,
        0x79, 0x00 })
    }
    Device (OPR0)
    {
      Name (_HID, "PCCL0001")
      Name (_UID, 0)
      Name (_CRS, ResourceTemplate () {
        Interrupt (ResourceConsumer, Edge, ActiveHigh, Exclusive) { 120 } })
      OperationRegion (SHM, PCC, 3, 0x40)
      Field (SHM, ByteAcc, NoLock, Preserve)
      { SIGF, 32, FLGF, 32, LENF, 32, CMDF, 32, RSP0, 32, RSPX, 352 }
      Name (WBUF, Buffer (4) {})
      CreateDWordField (WBUF, 0, WVAL)
      Method (XCHG, 2, Serialized)
      {
        WVAL = 0x50434303
        SIGF = WBUF
        WVAL = Arg0
        CMDF = WBUF
        Return (RSP0)
      }
      Method (INSI, 0, Serialized)
      {
        OperationRegion (LATE, PCC, 7, 0x20)
        Return (1)
      }
    }
  }
  Scope (\_SB.C000)
  {
    Name (_CPC, Package () { 5, 1,
      ResourceTemplate () { Register (SystemMemory, 0, 0, 0, 0) },
      ResourceTemplate () { Register (PCC, 32, 0, 0x00, 0) },
      ResourceTemplate () { Register (PCC, 64, 0, 0x08, 0) } })
  }
}

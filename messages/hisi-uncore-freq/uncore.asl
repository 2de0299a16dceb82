// The uncore of a Kunpeng 920: the frequency of what is around the cores of a
// package. 36 is what Linux calls the first package of QEMU's "virt", an
// offset in the PPTT.
DefinitionBlock ("", "SSDT", 2, "PCCD", "UNCORE", 1)
{
  Device (\_SB.UNCR)
  {
    Name (_HID, "HISI04F1")
    Name (_UID, 0)
    Name (_CRS, ResourceTemplate () { Register (PCC, 8, 0, 0, CHANNEL_UNCORE) })
    Name (_DSD, Package () {
      ToUUID ("daffd814-6eba-4d8c-8a91-bc9bbf4aa301"),
      Package () { Package () { "related-package", Package () { 36 } } }
    })
  }
}

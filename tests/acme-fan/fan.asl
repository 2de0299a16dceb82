// A fan: commands go through one channel, events come through the other.
DefinitionBlock ("", "SSDT", 2, "PCCD", "ACMEFAN", 1)
{
  Device (\_SB.FAN0)
  {
    Name (_HID, "ACME0001")
    Name (_UID, 0)
    Name (_DSD, Package () {
      ToUUID ("daffd814-6eba-4d8c-8a91-bc9bbf4aa301"),
      Package () {
        Package () { "pcc-channels", Package () { CHANNEL_FAN, CHANNEL_FAN_EVENTS } }
      }
    })
  }
}

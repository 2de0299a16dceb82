// The sensors of an APM X-Gene. Linux finds the channel by "pcc-channel".
DefinitionBlock ("", "SSDT", 2, "PCCD", "XGHWMON", 1)
{
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

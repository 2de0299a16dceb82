// The I2C bus of an APM X-Gene. Linux finds the channel by "pcc-channel".
DefinitionBlock ("", "SSDT", 2, "PCCD", "XGI2C", 1)
{
  Device (\_SB.XI2C)
  {
    Name (_HID, "APMC0D40")
    Name (_UID, 0)
    Name (_CCA, 1)
    Name (_DSD, Package () {
      ToUUID ("daffd814-6eba-4d8c-8a91-bc9bbf4aa301"),
      Package () { Package () { "pcc-channel", CHANNEL_I2C } }
    })
  }
}

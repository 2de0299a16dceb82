// The links between the chips of a Kunpeng 920. Which of its two devices there
// is depends on how the platform's channels complete.
DefinitionBlock ("", "SSDT", 2, "PCCD", "HCCS", 1)
{
  Device (\_SB.HCCS)
  {
#ifdef MODE_IRQ
    Name (_HID, "HISI04B2")
#else
    Name (_HID, "HISI04B1")
#endif
    Name (_UID, 0)
    Name (_CRS, ResourceTemplate () { Register (PCC, 8, 0, 0, CHANNEL_HCCS) })
  }
}

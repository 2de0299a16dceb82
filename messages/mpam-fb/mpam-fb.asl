// The device that mpam-fb.ko binds to. Which MSCs there are is in the MPAM
// table, mpam.asl.
DefinitionBlock ("", "SSDT", 2, "PCCD", "MPAMFB", 1)
{
  Device (\_SB.MPFB)
  {
    Name (_HID, "PCCD0003")
    Name (_UID, 0)
  }
}

// The device that amd_hfi binds to. It names no subspace: the driver takes the
// first of the PCCT.
DefinitionBlock ("", "SSDT", 2, "PCCD", "AMDHFI", 1)
{
  Device (\_SB.HFI0)
  {
    Name (_HID, "AMDI0104")
    Name (_UID, 0)
  }
}

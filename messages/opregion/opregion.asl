// AML that talks to the platform itself. Linux evaluates _SUN and _HRV each time
// somebody reads "sun" or "hrv" of the device.
//
// ACPICA (Linux 7.3) counts the region from the signature and sends when the
// field at byte 12 is written; the stores before only fill a buffer, which wants
// a Buffer as the source, never an Integer.
DefinitionBlock ("", "SSDT", 2, "PCCD", "OPREGION", 1)
{
  Device (\_SB.OPRG)
  {
    Name (_HID, "PCCD0002")
    Name (_UID, 0)
    OperationRegion (SHM, PCC, CHANNEL_REGION, 0x40)
    Field (SHM, ByteAcc, NoLock, Preserve)
    {
      SIGN, 32,
      FLAG, 32,
      LENG, 32,
      COMD, 32,
      DAT0, 32,
      DAT1, 32,
      REST, 320
    }
    Name (BUFF, Buffer (4) {})
    CreateDWordField (BUFF, 0, WORD)
    // Command Arg0 with data Arg1; the first word of the answer
    Method (XCHG, 2, Serialized)
    {
      WORD = 0x50434300 | CHANNEL_REGION
      SIGN = BUFF
      WORD = 1
      FLAG = BUFF
      WORD = 8
      LENG = BUFF
      WORD = Arg1
      DAT0 = BUFF
      WORD = Arg0
      COMD = BUFF
      Return (DAT0)
    }
    // How many times it was asked
    Name (ASKS, 0)
    Method (_SUN, 0, Serialized)
    {
      ASKS += 1
      Return (XCHG (0x11, ASKS))
    }
    // The second word of the answer of before
    Method (_HRV, 0, Serialized) { Return (DAT1) }
  }
}

// The same exchange as that of platform opregion, counted as the specification
// has it (ACPI 6.5, 5.5.2.4.7): a region begins behind the signature, and
// writing the command sends. So the command of type 3 is at byte 8, that of
// type 2 at byte 0. ACPICA counts so since July 2026.
DefinitionBlock ("", "SSDT", 2, "PCCD", "OPRGSPEC", 1)
{
  Name (BUFF, Buffer (4) {})
  CreateDWordField (BUFF, 0, WORD)

  // Type 3
  Device (\_SB.OPR3)
  {
    Name (_HID, "PCCD0004")
    Name (_UID, 3)
    OperationRegion (SHM, PCC, CHANNEL_EXTENDED, 0x3C)
    Field (SHM, ByteAcc, NoLock, Preserve)
    {
      FLAG, 32,
      LENG, 32,
      COMD, 32,
      DAT0, 32,
      DAT1, 32,
      REST, 320
    }
    Name (ASKS, 0)
    Method (_SUN, 0, Serialized)
    {
      ASKS += 1
      WORD = 1
      FLAG = BUFF
      WORD = 8
      LENG = BUFF
      WORD = ASKS
      DAT0 = BUFF
      WORD = 0x11
      COMD = BUFF
      Return (DAT0)
    }
    // The second word of the answer of before
    Method (_HRV, 0, Serialized) { Return (DAT1) }
  }

  // Type 2
  Device (\_SB.OPR2)
  {
    Name (_HID, "PCCD0004")
    Name (_UID, 2)
    OperationRegion (SHM, PCC, CHANNEL_GENERIC, 0x3C)
    Field (SHM, ByteAcc, NoLock, Preserve)
    {
      COMD, 16,
      STAT, 16,
      DAT0, 32,
      DAT1, 32,
      REST, 384
    }
    Name (ASKS, 0)
    Method (_SUN, 0, Serialized)
    {
      ASKS += 1
      WORD = 0
      STAT = BUFF
      WORD = ASKS
      DAT0 = BUFF
      // With the bit that asks for an interrupt
      WORD = 0x8011
      COMD = BUFF
      Return (DAT0)
    }
    Method (_HRV, 0, Serialized) { Return (DAT1) }
  }
}

// SPDX-License-Identifier: GPL-2.0-only
// The device that pcc-client.ko binds to. No _CRS: the driver offers every
// subspace that the PCCT has.
DefinitionBlock ("", "SSDT", 2, "PCCD", "PCCCLNT", 1)
{
    Scope (\_SB)
    {
        Device (PCCL)
        {
            Name (_HID, "PCCD0001")
            Name (_UID, Zero)
        }
    }
}

// ACPI 6.5, 5.2.21: two domains of memory, each behind a channel of its own.
[0004]                          Signature : "RAS2"
[0004]                       Table Length : 00000000
[0001]                           Revision : 01
[0001]                           Checksum : 00
[0006]                             Oem ID : "PCCD"
[0008]                       Oem Table ID : "RAS2"
[0004]                       Oem Revision : 00000001
[0004]                    Asl Compiler ID : "INTL"
[0004]              Asl Compiler Revision : 00000000

[0002]                           Reserved : 0000
[0002]          Number of PCC Descriptors : 0002

// Memory, domain 0
[0001]                         Channel ID : CHANNEL_DOMAIN_0
[0002]                           Reserved : 0000
[0001]                       Feature Type : 00
[0004]                           Instance : 00000000

// Memory, domain 1
[0001]                         Channel ID : CHANNEL_DOMAIN_1
[0002]                           Reserved : 0000
[0001]                       Feature Type : 00
[0004]                           Instance : 00000001

// Arm DEN0065: the memory system components (MSCs), of which all are behind PCC
// (interface type 0A): the base address is the id of a subspace. One subspace
// may serve several.
[0004]                          Signature : "MPAM"
[0004]                       Table Length : 00000000
[0001]                           Revision : 01
[0001]                           Checksum : 00
[0006]                             Oem ID : "PCCD"
[0008]                       Oem Table ID : "MPAMFB"
[0004]                       Oem Revision : 00000001
[0004]                    Asl Compiler ID : "INTL"
[0004]              Asl Compiler Revision : 00000000

// Memory bandwidth
[0002]                             Length : 0048
[0001]                     Interface type : 0A
[0001]                           Reserved : 00
[0004]                         Identifier : 00000000
[0008]                       Base address : CHANNEL_MSC
[0004]                          MMIO size : 00000000
[0004]                 Overflow interrupt : 00000000
[0004]           Overflow interrupt flags : 00000000
[0004]                          Reserved1 : 00000000
[0004]        Overflow interrupt affinity : 00000000
[0004]                    Error interrupt : 00000000
[0004]              Error interrupt flags : 00000000
[0004]                          Reserved2 : 00000000
[0004]           Error interrupt affinity : 00000000
[0004]                      MAX_NRDY_USEC : 00000032
[0008]       Hardware ID of linked device : ""
[0004]       Instance ID of linked device : 00000000
[0004]           Number of resource nodes : 00000000

// A cache, through memory that just holds MPAM_MSC_WRITE
[0002]                             Length : 0048
[0001]                     Interface type : 0A
[0001]                           Reserved : 00
[0004]                         Identifier : 00000001
[0008]                       Base address : CHANNEL_JUST_ENOUGH
[0004]                          MMIO size : 00000000
[0004]                 Overflow interrupt : 00000000
[0004]           Overflow interrupt flags : 00000000
[0004]                          Reserved1 : 00000000
[0004]        Overflow interrupt affinity : 00000000
[0004]                    Error interrupt : 00000000
[0004]              Error interrupt flags : 00000000
[0004]                          Reserved2 : 00000000
[0004]           Error interrupt affinity : 00000000
[0004]                      MAX_NRDY_USEC : 00000032
[0008]       Hardware ID of linked device : ""
[0004]       Instance ID of linked device : 00000000
[0004]           Number of resource nodes : 00000000

// One that cannot be driven: its memory is a byte too small
[0002]                             Length : 0048
[0001]                     Interface type : 0A
[0001]                           Reserved : 00
[0004]                         Identifier : 00000002
[0008]                       Base address : CHANNEL_TOO_SMALL
[0004]                          MMIO size : 00000000
[0004]                 Overflow interrupt : 00000000
[0004]           Overflow interrupt flags : 00000000
[0004]                          Reserved1 : 00000000
[0004]        Overflow interrupt affinity : 00000000
[0004]                    Error interrupt : 00000000
[0004]              Error interrupt flags : 00000000
[0004]                          Reserved2 : 00000000
[0004]           Error interrupt affinity : 00000000
[0004]                      MAX_NRDY_USEC : 00000032
[0008]       Hardware ID of linked device : ""
[0004]       Instance ID of linked device : 00000000
[0004]           Number of resource nodes : 00000000

// For trials
[0002]                             Length : 0048
[0001]                     Interface type : 0A
[0001]                           Reserved : 00
[0004]                         Identifier : 00000007
[0008]                       Base address : CHANNEL_MSC
[0004]                          MMIO size : 00000000
[0004]                 Overflow interrupt : 00000000
[0004]           Overflow interrupt flags : 00000000
[0004]                          Reserved1 : 00000000
[0004]        Overflow interrupt affinity : 00000000
[0004]                    Error interrupt : 00000000
[0004]              Error interrupt flags : 00000000
[0004]                          Reserved2 : 00000000
[0004]           Error interrupt affinity : 00000000
[0004]                      MAX_NRDY_USEC : 00000032
[0008]       Hardware ID of linked device : ""
[0004]       Instance ID of linked device : 00000000
[0004]           Number of resource nodes : 00000000

//! What SPDM calls its codes and bits (DSP0274 1.0 to 1.4).

use crate::wire::layout::Names;

pub const VERSIONS: Names = &[
    (0x10, "1.0"),
    (0x11, "1.1"),
    (0x12, "1.2"),
    (0x13, "1.3"),
    (0x14, "1.4"),
];

/// As VERSION lists them: update and alpha in the low byte.
pub const VERSION_NUMBERS: Names = &[
    (0x1000, "1.0"),
    (0x1100, "1.1"),
    (0x1200, "1.2"),
    (0x1300, "1.3"),
    (0x1400, "1.4"),
];

/// Request and response codes.
pub const CODES: Names = &[
    (0x01, "DIGESTS"),
    (0x02, "CERTIFICATE"),
    (0x03, "CHALLENGE_AUTH"),
    (0x04, "VERSION"),
    (0x05, "CHUNK_SEND_ACK"),
    (0x06, "CHUNK_RESPONSE"),
    (0x07, "ENDPOINT_INFO"),
    (0x60, "MEASUREMENTS"),
    (0x61, "CAPABILITIES"),
    (0x62, "SUPPORTED_EVENT_TYPES"),
    (0x63, "ALGORITHMS"),
    (0x64, "KEY_EXCHANGE_RSP"),
    (0x65, "FINISH_RSP"),
    (0x66, "PSK_EXCHANGE_RSP"),
    (0x67, "PSK_FINISH_RSP"),
    (0x68, "HEARTBEAT_ACK"),
    (0x69, "KEY_UPDATE_ACK"),
    (0x6a, "ENCAPSULATED_REQUEST"),
    (0x6b, "ENCAPSULATED_RESPONSE_ACK"),
    (0x6c, "END_SESSION_ACK"),
    (0x6d, "CSR"),
    (0x6e, "SET_CERTIFICATE_RSP"),
    (0x6f, "MEASUREMENT_EXTENSION_LOG"),
    (0x7e, "VENDOR_DEFINED_RESPONSE"),
    (0x7f, "ERROR"),
    (0x81, "GET_DIGESTS"),
    (0x82, "GET_CERTIFICATE"),
    (0x83, "CHALLENGE"),
    (0x84, "GET_VERSION"),
    (0x85, "CHUNK_SEND"),
    (0x86, "CHUNK_GET"),
    (0x87, "GET_ENDPOINT_INFO"),
    (0xe0, "GET_MEASUREMENTS"),
    (0xe1, "GET_CAPABILITIES"),
    (0xe2, "GET_SUPPORTED_EVENT_TYPES"),
    (0xe3, "NEGOTIATE_ALGORITHMS"),
    (0xe4, "KEY_EXCHANGE"),
    (0xe5, "FINISH"),
    (0xe6, "PSK_EXCHANGE"),
    (0xe7, "PSK_FINISH"),
    (0xe8, "HEARTBEAT"),
    (0xe9, "KEY_UPDATE"),
    (0xea, "GET_ENCAPSULATED_REQUEST"),
    (0xeb, "DELIVER_ENCAPSULATED_RESPONSE"),
    (0xec, "END_SESSION"),
    (0xed, "GET_CSR"),
    (0xee, "SET_CERTIFICATE"),
    (0xef, "GET_MEASUREMENT_EXTENSION_LOG"),
    (0xfe, "VENDOR_DEFINED_REQUEST"),
    (0xff, "RESPOND_IF_READY"),
];

pub const ERRORS: Names = &[
    (0x01, "InvalidRequest"),
    (0x03, "Busy"),
    (0x04, "UnexpectedRequest"),
    (0x05, "Unspecified"),
    (0x06, "DecryptError"),
    (0x07, "UnsupportedRequest"),
    (0x08, "RequestInFlight"),
    (0x09, "InvalidResponseCode"),
    (0x0a, "SessionLimitExceeded"),
    (0x0b, "SessionRequired"),
    (0x0c, "ResetRequired"),
    (0x0d, "ResponseTooLarge"),
    (0x0e, "RequestTooLarge"),
    (0x0f, "LargeResponse"),
    (0x10, "MessageLost"),
    (0x11, "InvalidPolicy"),
    (0x41, "VersionMismatch"),
    (0x42, "ResponseNotReady"),
    (0x43, "RequestResynch"),
    (0x44, "OperationFailed"),
    (0x45, "NoPendingRequests"),
    (0xff, "VendorDefined"),
];

/// Bits of a requester's flags; PSK_CAP is two bits wide.
pub const REQUESTER_FLAGS: Names = &[
    (1, "CERT_CAP"),
    (2, "CHAL_CAP"),
    (6, "ENCRYPT_CAP"),
    (7, "MAC_CAP"),
    (8, "MUT_AUTH_CAP"),
    (9, "KEY_EX_CAP"),
    (10, "PSK_CAP"),
    (11, "PSK_CAP high"),
    (12, "ENCAP_CAP"),
    (13, "HBEAT_CAP"),
    (14, "KEY_UPD_CAP"),
    (15, "HANDSHAKE_IN_THE_CLEAR_CAP"),
    (16, "PUB_KEY_ID_CAP"),
    (17, "CHUNK_CAP"),
];

/// Bits of a responder's flags; MEAS_CAP and PSK_CAP are two bits wide.
pub const RESPONDER_FLAGS: Names = &[
    (0, "CACHE_CAP"),
    (1, "CERT_CAP"),
    (2, "CHAL_CAP"),
    (3, "MEAS_CAP without signature"),
    (4, "MEAS_CAP with signature"),
    (5, "MEAS_FRESH_CAP"),
    (6, "ENCRYPT_CAP"),
    (7, "MAC_CAP"),
    (8, "MUT_AUTH_CAP"),
    (9, "KEY_EX_CAP"),
    (10, "PSK_CAP"),
    (11, "PSK_CAP with context"),
    (12, "ENCAP_CAP"),
    (13, "HBEAT_CAP"),
    (14, "KEY_UPD_CAP"),
    (15, "HANDSHAKE_IN_THE_CLEAR_CAP"),
    (16, "PUB_KEY_ID_CAP"),
    (17, "CHUNK_CAP"),
    (18, "ALIAS_CERT_CAP"),
    (19, "SET_CERT_CAP"),
    (20, "CSR_CAP"),
    (21, "CERT_INSTALL_RESET_CAP"),
];

pub const MEASUREMENT_SPECIFICATIONS: Names = &[(0, "DMTF")];

pub const MEASUREMENT_HASH: Names = &[
    (0, "raw bit stream"),
    (1, "TPM_ALG_SHA_256"),
    (2, "TPM_ALG_SHA_384"),
    (3, "TPM_ALG_SHA_512"),
];

pub const BASE_ASYM: Names = &[
    (0, "TPM_ALG_RSASSA_2048"),
    (1, "TPM_ALG_RSAPSS_2048"),
    (2, "TPM_ALG_RSASSA_3072"),
    (3, "TPM_ALG_RSAPSS_3072"),
    (4, "TPM_ALG_ECDSA_ECC_NIST_P256"),
    (5, "TPM_ALG_RSASSA_4096"),
    (6, "TPM_ALG_RSAPSS_4096"),
    (7, "TPM_ALG_ECDSA_ECC_NIST_P384"),
    (8, "TPM_ALG_ECDSA_ECC_NIST_P521"),
];

pub const BASE_HASH: Names = &[
    (0, "TPM_ALG_SHA_256"),
    (1, "TPM_ALG_SHA_384"),
    (2, "TPM_ALG_SHA_512"),
    (3, "TPM_ALG_SHA3_256"),
    (4, "TPM_ALG_SHA3_384"),
    (5, "TPM_ALG_SHA3_512"),
];

pub const ALGORITHM_TYPES: Names = &[
    (2, "DHE"),
    (3, "AEADCipherSuite"),
    (4, "ReqBaseAsymAlg"),
    (5, "KeySchedule"),
];

package mibs

// base are the modules that all others build on. They are never read from the user's files, since some
// copies are edited.
var base = map[string]bool{
	"SNMPv2-SMI": true, "SNMPv2-TC": true, "SNMPv2-CONF": true, "RFC1155-SMI": true, "RFC-1212": true, "RFC-1215": true,
}

// successors are modules that took the place of others which nobody has any more.
var successors = map[string]string{
	"RFC1065-SMI":   "RFC1155-SMI",
	"RFC1066-MIB":   "RFC1213-MIB",
	"RFC1156-MIB":   "RFC1213-MIB",
	"RFC1158-MIB":   "RFC1213-MIB",
	"RFC-1213":      "RFC1213-MIB",
	"RFC-1213-MIB":  "RFC1213-MIB",
	"RFC1213":       "RFC1213-MIB",
	"RFC-1155":      "RFC1155-SMI",
	"RFC1155":       "RFC1155-SMI",
	"RFC-1155-SMI":  "RFC1155-SMI",
	"RFC1212":       "RFC-1212",
	"RFC1215":       "RFC-1215",
	"RFC-1215-TRAP": "RFC-1215",
	"SNMPv2-SMI-v1": "SNMPv2-SMI",
	"SNMPv2-TC-v1":  "SNMPv2-TC",
	"SNMPv2-SMI-V1": "SNMPv2-SMI",
	"SNMPv2-TC-V1":  "SNMPv2-TC",
	"RFC1286-MIB":   "BRIDGE-MIB",
	"RFC1493-MIB":   "BRIDGE-MIB",
	"RFC1315-MIB":   "FRAME-RELAY-DTE-MIB",
	"RFC1317-MIB":   "RS-232-MIB",
	"RFC1398-MIB":   "EtherLike-MIB",
	"RFC1573-MIB":   "IF-MIB",
	"RFC1595-MIB":   "SONET-MIB",
	"IANAifType":    "IANAifType-MIB",
	"SNMPv2-M2M":    "SNMPv2-M2M-MIB",
}

package mibs

// baseText holds the names that every module builds on, as RFC 1155, RFC 2578 and RFC 2579 give them.
// These modules are never read from files.
const baseText = `
SNMPv2-SMI DEFINITIONS ::= BEGIN
org OBJECT IDENTIFIER ::= { iso 3 }
dod OBJECT IDENTIFIER ::= { org 6 }
internet OBJECT IDENTIFIER ::= { dod 1 }
directory OBJECT IDENTIFIER ::= { internet 1 }
mgmt OBJECT IDENTIFIER ::= { internet 2 }
mib-2 OBJECT IDENTIFIER ::= { mgmt 1 }
transmission OBJECT IDENTIFIER ::= { mib-2 10 }
experimental OBJECT IDENTIFIER ::= { internet 3 }
private OBJECT IDENTIFIER ::= { internet 4 }
enterprises OBJECT IDENTIFIER ::= { private 1 }
security OBJECT IDENTIFIER ::= { internet 5 }
snmpV2 OBJECT IDENTIFIER ::= { internet 6 }
snmpDomains OBJECT IDENTIFIER ::= { snmpV2 1 }
snmpProxys OBJECT IDENTIFIER ::= { snmpV2 2 }
snmpModules OBJECT IDENTIFIER ::= { snmpV2 3 }
zeroDotZero OBJECT-IDENTITY STATUS current ::= { 0 0 }
END

RFC1155-SMI DEFINITIONS ::= BEGIN
org OBJECT IDENTIFIER ::= { iso 3 }
dod OBJECT IDENTIFIER ::= { org 6 }
internet OBJECT IDENTIFIER ::= { dod 1 }
directory OBJECT IDENTIFIER ::= { internet 1 }
mgmt OBJECT IDENTIFIER ::= { internet 2 }
experimental OBJECT IDENTIFIER ::= { internet 3 }
private OBJECT IDENTIFIER ::= { internet 4 }
enterprises OBJECT IDENTIFIER ::= { private 1 }
END

SNMPv2-TC DEFINITIONS ::= BEGIN
DisplayString ::= TEXTUAL-CONVENTION DISPLAY-HINT "255a" SYNTAX OCTET STRING (SIZE (0..255))
PhysAddress ::= TEXTUAL-CONVENTION DISPLAY-HINT "1x:" SYNTAX OCTET STRING
MacAddress ::= TEXTUAL-CONVENTION DISPLAY-HINT "1x:" SYNTAX OCTET STRING (SIZE (6))
TruthValue ::= TEXTUAL-CONVENTION SYNTAX INTEGER { true(1), false(2) }
TestAndIncr ::= TEXTUAL-CONVENTION SYNTAX INTEGER (0..2147483647)
AutonomousType ::= TEXTUAL-CONVENTION SYNTAX OBJECT IDENTIFIER
InstancePointer ::= TEXTUAL-CONVENTION SYNTAX OBJECT IDENTIFIER
VariablePointer ::= TEXTUAL-CONVENTION SYNTAX OBJECT IDENTIFIER
RowPointer ::= TEXTUAL-CONVENTION SYNTAX OBJECT IDENTIFIER
RowStatus ::= TEXTUAL-CONVENTION
 SYNTAX INTEGER { active(1), notInService(2), notReady(3), createAndGo(4), createAndWait(5), destroy(6) }
TimeStamp ::= TEXTUAL-CONVENTION SYNTAX TimeTicks
TimeInterval ::= TEXTUAL-CONVENTION SYNTAX INTEGER (0..2147483647)
DateAndTime ::= TEXTUAL-CONVENTION DISPLAY-HINT "2d-1d-1d,1d:1d:1d.1d,1a1d:1d" SYNTAX OCTET STRING (SIZE (8 | 11))
StorageType ::= TEXTUAL-CONVENTION
 SYNTAX INTEGER { other(1), volatile(2), nonVolatile(3), permanent(4), readOnly(5) }
TDomain ::= TEXTUAL-CONVENTION SYNTAX OBJECT IDENTIFIER
TAddress ::= TEXTUAL-CONVENTION SYNTAX OCTET STRING (SIZE (1..255))
END

SNMPv2-CONF DEFINITIONS ::= BEGIN END
RFC-1212 DEFINITIONS ::= BEGIN END
RFC-1215 DEFINITIONS ::= BEGIN END
`

// baseModules reads baseText anew: a Tree owns what it is made of.
func baseModules() map[string]*module {
	modules, _ := new(lexer).parse(&source{text: baseText})
	base := map[string]*module{}
	for _, m := range modules {
		base[m.name] = m
	}
	return base
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

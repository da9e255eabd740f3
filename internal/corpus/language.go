package corpus

// language has the types and macros of the modules of the SMI, which are no facts. Programs that read MIB files know
// the macros, and need only their names.
var language = map[string]string{
	"SNMPv2-SMI": `ObjectName ::= OBJECT IDENTIFIER
NotificationName ::= OBJECT IDENTIFIER
Integer32 ::= INTEGER (-2147483648..2147483647)
IpAddress ::= [APPLICATION 0] IMPLICIT OCTET STRING (SIZE (4))
Counter32 ::= [APPLICATION 1] IMPLICIT INTEGER (0..4294967295)
Gauge32 ::= [APPLICATION 2] IMPLICIT INTEGER (0..4294967295)
Unsigned32 ::= [APPLICATION 2] IMPLICIT INTEGER (0..4294967295)
TimeTicks ::= [APPLICATION 3] IMPLICIT INTEGER (0..4294967295)
Opaque ::= [APPLICATION 4] IMPLICIT OCTET STRING
Counter64 ::= [APPLICATION 6] IMPLICIT INTEGER (0..18446744073709551615)

` + macro("MODULE-IDENTITY") + macro("OBJECT-IDENTITY") + macro("OBJECT-TYPE") + macro("NOTIFICATION-TYPE"),
	"SNMPv2-TC":   imports("TimeTicks FROM SNMPv2-SMI") + macro("TEXTUAL-CONVENTION"),
	"SNMPv2-CONF": macro("OBJECT-GROUP") + macro("NOTIFICATION-GROUP") + macro("MODULE-COMPLIANCE") + macro("AGENT-CAPABILITIES"),
	"RFC1155-SMI": `ObjectName ::= OBJECT IDENTIFIER
NetworkAddress ::= CHOICE { internet IpAddress }
IpAddress ::= [APPLICATION 0] IMPLICIT OCTET STRING (SIZE (4))
Counter ::= [APPLICATION 1] IMPLICIT INTEGER (0..4294967295)
Gauge ::= [APPLICATION 2] IMPLICIT INTEGER (0..4294967295)
TimeTicks ::= [APPLICATION 3] IMPLICIT INTEGER (0..4294967295)
Opaque ::= [APPLICATION 4] IMPLICIT OCTET STRING

`,
	"RFC-1212": imports("ObjectName FROM RFC1155-SMI") + macro("OBJECT-TYPE"),
	"RFC-1215": macro("TRAP-TYPE"),
}

func macro(name string) string {
	return name + " MACRO ::= BEGIN\n    TYPE NOTATION ::= empty\n    VALUE NOTATION ::= value (VALUE OBJECT IDENTIFIER)\nEND\n\n"
}

func imports(list string) string { return "IMPORTS " + list + ";\n\n" }

// languageSymbols returns the modules of the SMI and the symbols that every module imports from them.
func languageSymbols(v2 bool) [][2]string {
	if !v2 {
		return [][2]string{
			{"RFC1155-SMI", "Counter Gauge TimeTicks IpAddress Opaque NetworkAddress mgmt internet private enterprises experimental"},
			{"RFC-1212", "OBJECT-TYPE"},
			{"SNMPv2-TC", "TEXTUAL-CONVENTION"},
		}
	}
	return [][2]string{
		{"SNMPv2-SMI", "MODULE-IDENTITY OBJECT-IDENTITY OBJECT-TYPE NOTIFICATION-TYPE Integer32 Unsigned32 Counter32 Gauge32 Counter64 " +
			"TimeTicks IpAddress Opaque internet mgmt mib-2 transmission experimental private enterprises snmpDomains snmpProxys snmpModules zeroDotZero"},
		{"SNMPv2-TC", "TEXTUAL-CONVENTION AutonomousType DateAndTime DisplayString InstancePointer MacAddress PhysAddress RowPointer " +
			"RowStatus StorageType TAddress TDomain TestAndIncr TimeInterval TimeStamp TruthValue VariablePointer"},
		{"SNMPv2-CONF", "OBJECT-GROUP NOTIFICATION-GROUP MODULE-COMPLIANCE AGENT-CAPABILITIES"},
	}
}

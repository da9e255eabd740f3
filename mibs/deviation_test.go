package mibs

import (
	"fmt"
	"strings"
	"testing"

	"trapline/mibs/smi"
)

// around is a module around definitions: a root, a table with the column c1, which is the first of its
// index, and then the text.
const around = `TEST-MIB DEFINITIONS ::= BEGIN
IMPORTS OBJECT-TYPE, MODULE-IDENTITY, enterprises FROM SNMPv2-SMI;
test OBJECT IDENTIFIER ::= { enterprises 99999 }
tTable OBJECT-TYPE SYNTAX SEQUENCE OF TEntry ACCESS not-accessible STATUS current DESCRIPTION "t" ::= { test 1 }
tEntry OBJECT-TYPE SYNTAX TEntry ACCESS not-accessible STATUS current DESCRIPTION "e" INDEX { c1 } ::= { tTable 1 }
TEntry ::= SEQUENCE { c1 INTEGER }
c1 OBJECT-TYPE SYNTAX INTEGER ACCESS read-only STATUS current DESCRIPTION "c" ::= { tEntry 1 }
%s
END
`

// brief returns the fields of a node that tests compare.
func brief(n *Node) string {
	text := fmt.Sprintf("%s %s %s", strings.TrimPrefix(n.OID.String(), "1.3.6.1.4.1.99999."), n.Kind, n.Name)
	for _, field := range []string{n.Syntax.Type.String(), n.Syntax.TC, n.Syntax.Hint, labelText(n), rangeText(n), n.Units, n.Access.String(), n.Status.String(), indexText(n), n.Augments, objectNames(n)} {
		if field != "" {
			text += "; " + field
		}
	}
	return text
}

func TestDeviationsAreTolerated(t *testing.T) {
	for name, test := range map[string]struct{ text, want, remark string }{
		"nothing is wrong": {
			`x OBJECT-TYPE SYNTAX INTEGER { up(1), down(2) } UNITS "s" ACCESS read-write STATUS current DESCRIPTION "d" ::= { test 2 }`,
			"2 scalar x; INTEGER; 1=up,2=down; s; read-write; current", "",
		},
		"row that is a SEQUENCE OF": {
			`r OBJECT-TYPE SYNTAX SEQUENCE OF RRow ACCESS not-accessible STATUS current DESCRIPTION "" ::= { test 2 }
			re OBJECT-TYPE SYNTAX SEQUENCE OF RRow ACCESS not-accessible STATUS current DESCRIPTION "" INDEX { rx } ::= { r 1 }
			rx OBJECT-TYPE SYNTAX INTEGER ACCESS read-only STATUS current DESCRIPTION "" ::= { re 1 }`,
			"2 table r; not-accessible; current\n2.1 row re; not-accessible; current; rx\n2.1.1 column rx; INTEGER; read-only; current",
			"9: re is a SEQUENCE OF and has an index: taken for a row",
		},
		"table and row in one": {
			`r OBJECT-TYPE SYNTAX SEQUENCE OF RRow ACCESS not-accessible STATUS current DESCRIPTION "" INDEX { rx } ::= { test 2 }
			rx OBJECT-TYPE SYNTAX INTEGER ACCESS read-only STATUS current DESCRIPTION "" ::= { r 1 }`,
			"2 row r; not-accessible; current; rx\n2.1 column rx; INTEGER; read-only; current", "8: r is a SEQUENCE OF and has an index: taken for a row",
		},
		"row that is a SEQUENCE OF and augments": {
			`r OBJECT-TYPE SYNTAX SEQUENCE OF RRow ACCESS not-accessible STATUS current DESCRIPTION "" AUGMENTS { tEntry } ::= { test 2 }
			rx OBJECT-TYPE SYNTAX INTEGER ACCESS read-only STATUS current DESCRIPTION "" ::= { r 1 }`,
			"2 row r; not-accessible; current; c1; tEntry\n2.1 column rx; INTEGER; read-only; current", "8: r is a SEQUENCE OF and has an index: taken for a row",
		},
		"numbers of labels without their sign": {
			`x OBJECT-TYPE SYNTAX INTEGER { unknown(4294967295), least(2147483648), most(2147483647), no(1) } ACCESS read-only STATUS current DESCRIPTION "" ::= { test 2 }
			y OBJECT-TYPE SYNTAX Y ACCESS read-only STATUS current DESCRIPTION "" ::= { test 3 }
			Y ::= INTEGER { unknown('FFFFFFFF'h) }
			z OBJECT-TYPE SYNTAX Unsigned32 { all(4294967295) } ACCESS read-only STATUS current DESCRIPTION "" ::= { test 4 }`,
			"2 scalar x; INTEGER; -2147483648=least,-1=unknown,1=no,2147483647=most; read-only; current\n" +
				"3 scalar y; INTEGER; Y; -1=unknown; read-only; current\n4 scalar z; Unsigned32; 4294967295=all; read-only; current", "Unsigned32 has labels",
		},
		"base types in the wrong case": {
			`x OBJECT-TYPE SYNTAX Integer { up(1) } ACCESS read-only STATUS current DESCRIPTION "" ::= { test 2 }
			y OBJECT-TYPE SYNTAX COUNTER64 ACCESS read-only STATUS current DESCRIPTION "" ::= { test 3 }
			z OBJECT-TYPE SYNTAX Octet String (SIZE (4)) ACCESS read-only STATUS current DESCRIPTION "" ::= { test 4 }
			w OBJECT-TYPE SYNTAX DISPLAYSTRING ACCESS read-only STATUS current DESCRIPTION "" ::= { test 5 }
			v OBJECT-TYPE SYNTAX Object Identifier ACCESS read-only STATUS current DESCRIPTION "" ::= { test 6 }`,
			"2 scalar x; INTEGER; 1=up; read-only; current\n3 scalar y; Counter64; read-only; current\n4 scalar z; OCTET STRING; 4; read-only; current\n" +
				"5 scalar w; OCTET STRING; DisplayString; 255a; 0..255; read-only; current\n6 scalar v; OBJECT IDENTIFIER; read-only; current",
			"9: COUNTER64 is not imported: taken from Counter64, which differs in small and capital letters",
		},
		"name that is defined again below itself": {
			`x OBJECT IDENTIFIER ::= { test 2 }
			x OBJECT-TYPE SYNTAX INTEGER ACCESS read-only STATUS current DESCRIPTION "" ::= { x 1 }
			y OBJECT-TYPE SYNTAX INTEGER ACCESS read-only STATUS current DESCRIPTION "" ::= { x 2 }`,
			"2 node x\n2.1 scalar x; INTEGER; read-only; current\n2.2 scalar y; INTEGER; read-only; current",
			"9: x hangs on another x above: that counts for what hangs on the name",
		},
		"comma missing between labels": {
			`x OBJECT-TYPE SYNTAX INTEGER { up(1) down(2) } ACCESS read-only STATUS current DESCRIPTION "" ::= { test 2 }`,
			"2 scalar x; INTEGER; 1=up,2=down; read-only; current", `8: a comma is missing behind the label "up"`,
		},
		"comma behind the last label": {
			`x OBJECT-TYPE SYNTAX INTEGER { up(1), down(2), } ACCESS read-only STATUS current DESCRIPTION "" ::= { test 2 }`,
			"2 scalar x; INTEGER; 1=up,2=down; read-only; current", "8: a comma stands behind the last label",
		},
		"labels that are keywords, begin with digits or capitals, have underscores or several words": {
			`x OBJECT-TYPE SYNTAX INTEGER { current(1), STATUS(2), 10mbit(3), not applicable(4), n/a(5), a_b(6), 802.1x(7) } ACCESS read-only STATUS mandatory ::= { test 2 }`,
			"2 scalar x; INTEGER; 1=current,2=STATUS,3=10mbit,4=not applicable,5=n/a,6=a_b,7=802.1x; read-only; mandatory", `8: the label "10mbit" is not as the rules have it: taken as it is`,
		},
		"label without a number": {
			`x OBJECT-TYPE SYNTAX INTEGER { up, down(2) } ACCESS read-only STATUS mandatory ::= { test 2 }`,
			"2 scalar x; INTEGER; 2=down; read-only; mandatory", `8: the label "up" has no number: left out`,
		},
		"} missing behind labels": {
			`x OBJECT-TYPE SYNTAX INTEGER { up(1), down(2) ACCESS read-only STATUS current DESCRIPTION "" ::= { test 2 }`,
			"2 scalar x; INTEGER; 1=up,2=down; read-only; current", "8: a } is missing behind the labels",
		},
		"labels of Integer32, and bits of hexadecimal number": {
			`x OBJECT-TYPE SYNTAX Integer32 { up(1), down('0A'h) } ACCESS read-only STATUS current DESCRIPTION "" ::= { test 2 }`,
			"2 scalar x; Integer32; 1=up,10=down; read-only; current", "8: Integer32 has labels: only INTEGER and BITS may",
		},
		"types that are not imported": {
			`x OBJECT-TYPE SYNTAX DisplayString (SIZE (0..32)) ACCESS read-only STATUS current DESCRIPTION "" ::= { test 2 }`,
			"2 scalar x; OCTET STRING; DisplayString; 255a; 0..32; read-only; current", "8: DisplayString is not imported: taken from SNMPv2-TC",
		},
		"type whose name is written in other letters": {
			"Color ::= INTEGER { red(1) }\nx OBJECT-TYPE SYNTAX COLOR ACCESS read-only STATUS mandatory ::= { test 2 }",
			"2 scalar x; INTEGER; COLOR; 1=red; read-only; mandatory", "9: COLOR is not imported: taken from Color, which differs in small and capital letters",
		},
		"type of a named type": {
			`A ::= TEXTUAL-CONVENTION DISPLAY-HINT "1x:" STATUS current DESCRIPTION "" SYNTAX OCTET STRING (SIZE (6))
			B ::= TEXTUAL-CONVENTION STATUS current DESCRIPTION "" SYNTAX A
			x OBJECT-TYPE SYNTAX B ACCESS read-only STATUS current DESCRIPTION "" ::= { test 2 }`,
			"2 scalar x; OCTET STRING; B; 1x:; 6; read-only; current", "9: B is derived from A, a convention itself",
		},
		"labels of a named type": {
			"A ::= INTEGER { red(1) }\nx OBJECT-TYPE SYNTAX A { blue(2) } ACCESS read-only STATUS mandatory ::= { test 2 }",
			"2 scalar x; INTEGER; A; 2=blue; read-only; mandatory", "",
		},
		"type that is derived from itself": {
			"A ::= B\nB ::= A\nx OBJECT-TYPE SYNTAX A ACCESS read-only STATUS mandatory ::= { test 2 }",
			"2 scalar x; read-only; mandatory", "x has no type: A is not known",
		},
		"ranges of all kinds": {
			`x OBJECT-TYPE SYNTAX INTEGER (0001..65279 | -5 | '0F'H..16) ACCESS read-only STATUS mandatory ::= { test 2 }`,
			"2 scalar x; INTEGER; 1..65279 | -5 | 15..16; read-only; mandatory", "8: 0001 stands in a range",
		},
		"MIN and MAX": {
			`x OBJECT-TYPE SYNTAX INTEGER (MIN..MAX) ACCESS read-only STATUS mandatory ::= { test 2 }`,
			"2 scalar x; INTEGER; -9223372036854775808..9223372036854775807; read-only; mandatory", "8: MAX stands in a range",
		},
		"clauses in another order, and one that is unknown": {
			`x OBJECT-TYPE STATUS current DESCRIPTION "d" IMPORTANCE high ACCESS read-only SYNTAX INTEGER ::= { test 2 }`,
			"2 scalar x; INTEGER; read-only; current", `8: x: "IMPORTANCE" begins no clause: skipped`,
		},
		"access that does not exist": {
			`x OBJECT-TYPE SYNTAX INTEGER ACCESS readable STATUS mandatory ::= { test 2 }`,
			"2 scalar x; INTEGER; mandatory", `8: x: no access is called "readable"`,
		},
		"values of DEFVAL": {
			`x OBJECT-TYPE SYNTAX INTEGER ACCESS read-only STATUS mandatory DEFVAL { 0.0 } ::= { test 2 }
			y OBJECT-TYPE SYNTAX BITS { a(0) } ACCESS read-only STATUS mandatory DEFVAL { { a, b } } ::= { test 3 }`,
			"2 scalar x; INTEGER; read-only; mandatory\n3 scalar y; BITS; 0=a; read-only; mandatory", "",
		},
		"index that is a type": {
			`u OBJECT-TYPE SYNTAX SEQUENCE OF UEntry ACCESS not-accessible STATUS mandatory ::= { test 2 }
			uEntry OBJECT-TYPE SYNTAX UEntry ACCESS not-accessible STATUS mandatory INDEX { INTEGER, c1 } ::= { u 1 }
			UEntry ::= SEQUENCE { v INTEGER }
			v OBJECT-TYPE SYNTAX INTEGER ACCESS read-only STATUS mandatory ::= { uEntry 1 }`,
			"2 table u; not-accessible; mandatory\n2.1 row uEntry; not-accessible; mandatory; INTEGER,c1\n2.1.1 column v; INTEGER; read-only; mandatory",
			"uEntry has the index INTEGER, which is no object",
		},
		"IMPLIED before the last, comma missing, AUGMENTS of AUGMENTS": {
			`u OBJECT-TYPE SYNTAX SEQUENCE OF UEntry ACCESS not-accessible STATUS current DESCRIPTION "" ::= { test 2 }
			uEntry OBJECT-TYPE SYNTAX UEntry ACCESS not-accessible STATUS current DESCRIPTION "" INDEX { IMPLIED c1 v } ::= { u 1 }
			UEntry ::= SEQUENCE { v INTEGER }
			v OBJECT-TYPE SYNTAX INTEGER ACCESS read-only STATUS current DESCRIPTION "" ::= { uEntry 1 }
			wEntry OBJECT-TYPE SYNTAX UEntry ACCESS not-accessible STATUS current DESCRIPTION "" AUGMENTS { uEntry } ::= { test 3 }
			zEntry OBJECT-TYPE SYNTAX UEntry ACCESS not-accessible STATUS current DESCRIPTION "" AUGMENTS { wEntry } ::= { test 4 }`,
			"2 table u; not-accessible; current\n2.1 row uEntry; not-accessible; current; !c1,v\n2.1.1 column v; INTEGER; read-only; current\n" +
				"3 row wEntry; not-accessible; current; !c1,v; uEntry\n4 row zEntry; not-accessible; current; !c1,v; wEntry", "9: a comma is missing before v in INDEX",
		},
		"rows that augment each other": {
			`wEntry OBJECT-TYPE SYNTAX TEntry ACCESS not-accessible STATUS current DESCRIPTION "" AUGMENTS { zEntry } ::= { test 3 }
			zEntry OBJECT-TYPE SYNTAX TEntry ACCESS not-accessible STATUS current DESCRIPTION "" AUGMENTS { wEntry } ::= { test 4 }`,
			"3 row wEntry; not-accessible; current; zEntry\n4 row zEntry; not-accessible; current; wEntry", "wEntry augments zEntry, which is no row",
		},
		"comma missing in SEQUENCE, and } too": {
			"UEntry ::= SEQUENCE { v INTEGER w INTEGER\nx OBJECT IDENTIFIER ::= { test 2 }",
			"2 node x", "a } is missing",
		},
		"stray text": {
			"this, is (left) over;\nx OBJECT IDENTIFIER ::= { test 2 }",
			"2 node x", `8: "this" begins no definition: skipped`,
		},
		"closing quotation mark missing": {
			"x OBJECT-TYPE SYNTAX INTEGER ACCESS read-only STATUS mandatory DESCRIPTION \"one\n INDEX { c1 }\n ::= { test 2 }\n" +
				`y OBJECT-TYPE SYNTAX INTEGER ACCESS read-only STATUS mandatory DESCRIPTION "two words" ::= { test 3 }`,
			"2 row x; INTEGER; read-only; mandatory; c1\n3 scalar y; INTEGER; read-only; mandatory", "8: this text has no closing quotation mark",
		},
		"the last closing quotation mark missing": {
			"x OBJECT-TYPE SYNTAX INTEGER ACCESS read-only STATUS mandatory DESCRIPTION \"one\n ::= { test 2 }",
			"2 scalar x; INTEGER; read-only; mandatory", "8: this text has no closing quotation mark",
		},
		"quotation marks in a text": {
			`x OBJECT-TYPE SYNTAX INTEGER ACCESS read-only STATUS mandatory DESCRIPTION "the "one" thing" ::= { test 2 }`,
			"2 scalar x; INTEGER; read-only; mandatory", `8: x: "one" begins no clause: skipped`,
		},
		"names in OIDs": {
			"x OBJECT IDENTIFIER ::= { iso org(3) dod(6) internet(1) private(4) enterprises(1) 99999 6 inner(7) 8 }",
			"1.3 node org\n1.3.6 node dod\n1.3.6.1 node internet\n1.3.6.1.4 node private\n1.3.6.1.4.1 node enterprises\n6.7 node inner\n6.7.8 node x", "",
		},
		"OID that hangs on itself": {
			"x OBJECT IDENTIFIER ::= { y 1 }\ny OBJECT IDENTIFIER ::= { x 1 }\nz OBJECT IDENTIFIER ::= { test 2 }",
			"2 node z", "8: x is left out: y, in its OID, is not known",
		},
		"clauses of both versions": {
			`i MODULE-IDENTITY LAST-UPDATED "" ORGANIZATION "" CONTACT-INFO "" DESCRIPTION "" ::= { test 9 }
			x OBJECT-TYPE SYNTAX INTEGER ACCESS read-only STATUS mandatory ::= { test 2 }
			t TRAP-TYPE ENTERPRISE test ::= 5`,
			"0.5 notification t\n2 scalar x; INTEGER; read-only; mandatory\n9 module identity i",
			"10: TRAP-TYPE stands in a module of SMIv2",
		},
		"name with an underscore": {
			"x_y OBJECT IDENTIFIER ::= { test 2 }",
			"2 node x_y", "8: x_y is no name by the rules",
		},
		"OID that does not exist": {
			"x OBJECT IDENTIFIER ::= { test 4294967296 }\ny OBJECT IDENTIFIER ::= { nobody 1 }\nz OBJECT IDENTIFIER ::= { iso 77 }",
			"", "is no number from 0 to 4294967295",
		},
		"} missing behind an OID": {
			"x OBJECT IDENTIFIER ::= { test 2\ny OBJECT IDENTIFIER ::= { test 3 }",
			"2 node x\n3 node y", "a } is missing behind an OID",
		},
		"symbol defined twice: the last one counts for those that hang on it": {
			"x OBJECT IDENTIFIER ::= { test 2 }\nx OBJECT IDENTIFIER ::= { test 3 }\ny OBJECT IDENTIFIER ::= { x 1 }",
			"2 node x\n3 node x\n3.1 node y", "8: x is defined once more below",
		},
		"TRAP-TYPE": {
			`t TRAP-TYPE ENTERPRISE test VARIABLES { c1, nothing } DESCRIPTION "d" ::= 5`,
			"0.5 notification t; c1", "t has the object nothing, which is defined nowhere",
		},
		"NOTIFICATION-TYPE": {
			`t NOTIFICATION-TYPE OBJECTS { c1 } STATUS current DESCRIPTION "d" ::= { test 0 5 }`,
			"0.5 notification t; current; c1", "",
		},
		"line drawn of dashes": {
			"----- a line -----\nx OBJECT IDENTIFIER ::= { test 2 } -- the end --\n-------\ny OBJECT IDENTIFIER -- name -- ::= { test 3 }",
			"2 node x\n3 node y", "",
		},
		"comments that end with the line only": {
			"x OBJECT IDENTIFIER ::= { test 2 } -- a -- b ; { c\ny OBJECT IDENTIFIER ::= { test 3 }",
			"2 node x\n3 node y", "comments were taken to end with the line only",
		},
		"octets that are no text": {
			"\x00\x1a\xe2\x80\x93x OBJECT IDENTIFIER ::= { test 2 }",
			"2 node x", "8: octets that are not ASCII stand outside of texts",
		},
		"END in the midst": {
			"END\nx OBJECT IDENTIFIER ::= { test 2 }",
			"2 node x", "END stands in the midst of the module",
		},
		"macros are skipped": {
			"OBJECT-TYPE MACRO ::= BEGIN TYPE NOTATION ::= \"SYNTAX\" value(VALUE ObjectName) END\nx OBJECT IDENTIFIER ::= { test 2 }",
			"2 node x", "",
		},
		"capital letter of an object, small one of a type": {
			"color ::= INTEGER { red(1) }\nXx OBJECT-TYPE SYNTAX color ACCESS read-only STATUS mandatory ::= { test 2 }",
			"2 scalar Xx; INTEGER; color; 1=red; read-only; mandatory", "",
		},
		"conformance": {
			`g OBJECT-GROUP OBJECTS { c1 } STATUS current DESCRIPTION "" ::= { test 2 }
			n NOTIFICATION-GROUP NOTIFICATIONS { t } STATUS current DESCRIPTION "" ::= { test 3 }
			c MODULE-COMPLIANCE STATUS current DESCRIPTION "" MODULE MANDATORY-GROUPS { g } OBJECT c1 SYNTAX INTEGER { up(1) } MIN-ACCESS read-only DESCRIPTION "" ::= { test 4 }
			a AGENT-CAPABILITIES PRODUCT-RELEASE "" STATUS current DESCRIPTION "" SUPPORTS X INCLUDES { g } VARIATION c1 ACCESS read-only DESCRIPTION "" ::= { test 5 }`,
			"2 object group g; current\n3 notification group n; current\n4 module compliance c; current\n5 agent capabilities a; current", "",
		},
	} {
		tree, err := Load([]string{"TEST-MIB"}, texts{"TEST-MIB": fmt.Sprintf(around, test.text)})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var got []string
		for n := range tree.All() {
			if n.Module == "TEST-MIB" && n.Name != "test" && !strings.HasPrefix(n.OID.String(), "1.3.6.1.4.1.99999.1") {
				got = append(got, brief(n))
			}
		}
		if strings.Join(got, "\n") != test.want {
			t.Errorf("%s:\n%s\nwant\n%s", name, strings.Join(got, "\n"), test.want)
		}
		checkRemarks(t, name, tree.Diagnostics(), test.remark)
	}
}

func checkRemarks(t *testing.T, name string, diagnostics []smi.Diagnostic, want string) {
	t.Helper()
	var all []string
	for _, d := range diagnostics {
		all = append(all, d.String())
	}
	text := strings.Join(all, "\n")
	if want == "" && text != "" || !strings.Contains(text, want) {
		t.Errorf("%s: the remarks are %q, want %q", name, text, want)
	}
}

// Files are read whole: text around the modules, and the forms of their headers and ends.
func TestFilesAreTolerated(t *testing.T) {
	for name, test := range map[string]struct{ text, want string }{
		"several modules":                  {"A-MIB DEFINITIONS ::= BEGIN END B-MIB DEFINITIONS ::= BEGIN END", "A-MIB B-MIB"},
		"comments around":                  {"-- DEFINITIONS ::=\nA-MIB -- name --\nDEFINITIONS -- x\n::= BEGIN END -- B DEFINITIONS ::= BEGIN", "A-MIB"},
		"text before":                      {"This is the MIB of the device.\n\nA-MIB DEFINITIONS ::= BEGIN END", "A-MIB"},
		"OID in the header":                {"A-MIB { iso 3 (1) } DEFINITIONS IMPLICIT TAGS ::= BEGIN END", "A-MIB"},
		"END missing":                      {"A-MIB DEFINITIONS ::= BEGIN B-MIB DEFINITIONS ::= BEGIN", "A-MIB B-MIB"},
		"BEGIN missing":                    {"A-MIB DEFINITIONS ::= x OBJECT IDENTIFIER ::= { iso 1 } END", "A-MIB"},
		"byte order mark and CR line ends": {"\xef\xbb\xbf-- a\rA-MIB DEFINITIONS ::=\rBEGIN\rEND\r", "A-MIB"},
		"the word alone":                   {"Its DEFINITIONS are below.", ""},
		"nothing":                          {"", ""},
	} {
		modules, _ := new(smi.Parser).Parse("", test.text)
		var parsed []string
		for _, m := range modules {
			parsed = append(parsed, m.Name)
		}
		if got := strings.Join(parsed, " "); got != test.want {
			t.Errorf("%s: the parser finds %q, want %q", name, got, test.want)
		}
		if got := strings.Join(smi.ModuleNames([]byte(test.text)), " "); got != test.want {
			t.Errorf("%s: the index finds %q, want %q", name, got, test.want)
		}
	}
}

func TestImportsAreTolerated(t *testing.T) {
	const base = "BASE-MIB DEFINITIONS ::= BEGIN root OBJECT IDENTIFIER ::= { iso 9 } END"
	for name, test := range map[string]struct{ text, want, remark string }{
		"; missing":                      {"IMPORTS root FROM BASE-MIB\nx OBJECT IDENTIFIER ::= { root 1 }", "1.9.1", "3: IMPORTS has no ; at its end"},
		"comma missing":                  {"IMPORTS enterprises OBJECT-TYPE FROM SNMPv2-SMI root FROM BASE-MIB; x OBJECT IDENTIFIER ::= { root 1 }", "1.9.1", ""},
		"symbol not imported":            {"IMPORTS other FROM BASE-MIB; x OBJECT IDENTIFIER ::= { root 1 }", "1.9.1", "2: root is not imported: taken from BASE-MIB"},
		"symbol that is passed on":       {"IMPORTS root FROM MIDDLE-MIB; x OBJECT IDENTIFIER ::= { root 1 }", "1.9.1", ""},
		"module that is not there":       {"IMPORTS a, b FROM NOBODYS-MIB root FROM BASE-MIB; x OBJECT IDENTIFIER ::= { root 1 }", "1.9.1", "imports a from NOBODYS-MIB, a module that is not there"},
		"module with a newer name":       {"IMPORTS enterprises FROM RFC1065-SMI; x OBJECT IDENTIFIER ::= { enterprises 1 }", "1.3.6.1.4.1.1", ""},
		"modules that import each other": {"IMPORTS root FROM BASE-MIB y FROM CYCLE-MIB; x OBJECT IDENTIFIER ::= { y 1 }", "1.9.5.1", ""},
	} {
		tree, err := Load([]string{"A-MIB"}, texts{
			"A-MIB":      "A-MIB DEFINITIONS ::= BEGIN\n" + test.text + " END",
			"BASE-MIB":   base,
			"MIDDLE-MIB": "MIDDLE-MIB DEFINITIONS ::= BEGIN IMPORTS root FROM BASE-MIB; END",
			"CYCLE-MIB":  "CYCLE-MIB DEFINITIONS ::= BEGIN IMPORTS x FROM A-MIB root FROM BASE-MIB; y OBJECT IDENTIFIER ::= { root 5 } END",
		})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if n := tree.Node("A-MIB", "x"); n == nil || n.OID.String() != test.want {
			t.Errorf("%s: x is %v, want %s", name, n, test.want)
		}
		checkRemarks(t, name, tree.Diagnostics(), test.remark)
	}
}

func TestDatesOfModules(t *testing.T) {
	for in, want := range map[string]string{"200006140000Z": "2000-06-14", "9502090000Z": "1995-02-09", " 200006140000Z\n": "2000-06-14", "": "", "June 2000": ""} {
		m := Module{LastUpdated: in}
		if got := m.Updated(); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

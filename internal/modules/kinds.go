package modules

import (
	"regexp"
	"strings"

	"trapline/collector"
	"trapline/mibs"
	"trapline/mibs/smi"
)

// textHint matches a DISPLAY-HINT that formats the whole value as one text.
var textHint = regexp.MustCompile(`^\d+[at]$`)

// kindOf returns the metric type of an object, or "" if its values make no metric. In RFC 1213
// DisplayString and PhysAddress have no DISPLAY-HINT.
func kindOf(n *mibs.Node) string {
	if kind := collector.TypeOfConvention(n.Syntax.TC); kind != "" {
		return kind
	}
	if textHint.MatchString(n.Syntax.Hint) {
		return "DisplayString"
	}
	if size := n.FixedSize(); n.Syntax.Hint == "1x:" && (size == 0 || size == 6) {
		return "PhysAddress48"
	}
	return collector.TypeOfBase(n.Syntax.Type)
}

// polled reports whether an object becomes a metric. Some agents return objects that are
// not-accessible, such as indexes.
func polled(n *mibs.Node) bool { return n.Access.Readable() || n.Access == smi.NotAccessible }

// indexOf returns the index of the rows of a column.
func indexOf(n *mibs.Node) []mibs.IndexPart {
	if n.Row == nil {
		return nil
	}
	return n.Row.Index
}

// labelName returns name as a valid label name. It copies the text, because a substring of a tree
// would retain a whole MIB file in memory.
func labelName(name string) string {
	return strings.Clone(strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return '_'
	}, name))
}

func enumOf(n *mibs.Node) map[int]string {
	if len(n.Syntax.Labels) == 0 {
		return nil
	}
	enum := make(map[int]string, len(n.Syntax.Labels))
	for _, l := range n.Syntax.Labels {
		enum[int(l.Number)] = strings.Clone(l.Name)
	}
	return enum
}

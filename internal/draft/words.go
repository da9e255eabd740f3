// Package draft guesses measures from the definitions of objects: from their names, units, types, labels, and from
// what their descriptions say of scale and kind. It knows no vendor.
package draft

import (
	"regexp"
	"slices"
	"strings"
	"unicode"

	"trapline/mibs"
)

// spellings are written together in names, and would be split at their capital letters.
var spellings = strings.NewReplacer("dBmV", "Dbmv", "DBmV", "Dbmv", "dBm", "Dbm", "DBm", "Dbm", "DBM", "Dbm", "kWh", "Kwh", "KWh", "Kwh", "KVA", "Kva", "kVA", "Kva", "KVa", "Kva",
	"mAh", "Mah", "OSNR", "Osnr_", "SNR", "Snr_", "RSSI", "Rssi_", "RSRP", "Rsrp_", "RSRQ", "Rsrq_", "SINR", "Sinr_", "CPUs", "Cpus", "CPU", "Cpu_", "DRAM", "Dram_", "SFP", "Sfp_", "UPS", "Ups_", "PSU", "Psu_", "LED", "Led_", "PDU", "Pdu_", "RPM", "Rpm_", "VAC", "Vac", "VDC", "Vdc", "APs", "Aps", "PoE", "Poe", "IPsec", "Ipsec",
	"mV", "Mv", "mA", "Ma", "mW", "Mw", "uW", "Uw", "uA", "Ua", "kW", "Kw", "KW", "Kw", "MHz", "Mhz", "GHz", "Ghz", "kHz", "Khz", "KHz", "Khz")

// split cuts a name into lower-case words: at capital letters, digits, and signs.
func split(name string) []string {
	var words []string
	var word []rune
	end := func() {
		if len(word) > 0 {
			words = append(words, strings.ToLower(string(word)))
		}
		word = word[:0]
	}
	runes := []rune(spellings.Replace(name))
	for i, r := range runes {
		switch {
		case !unicode.IsLetter(r) && !unicode.IsDigit(r):
			end()
			continue
		case i == 0:
		case unicode.IsDigit(r) != unicode.IsDigit(runes[i-1]):
			end()
		case unicode.IsUpper(r) && (unicode.IsLower(runes[i-1]) || i+1 < len(runes) && unicode.IsLower(runes[i+1])):
			end()
		}
		word = append(word, r)
	}
	end()
	return words
}

// object has the words to guess from.
type object struct {
	node  *mibs.Node
	words []string // of the name
	joint string   // the words, between spaces
	about string   // the words of the row and of the object
	text  string   // the description in lower case, in one line
	units string   // UNITS in lower case
}

func newObject(n *mibs.Node) *object {
	o := &object{node: n, words: split(n.Name), units: strings.ToLower(strings.TrimSpace(n.Units))}
	o.joint = " " + strings.Join(o.words, " ") + " "
	o.about = o.joint
	if n.Row != nil {
		o.about = " " + strings.Join(split(n.Row.Name), " ") + o.joint
	}
	o.text = " " + strings.ReplaceAll(strings.Join(strings.Fields(strings.ToLower(n.Description)), " "), "1,000", "1000") + " "
	if len(o.text) > 1200 {
		o.text = o.text[:1200]
	}
	return o
}

// has reports whether the name has one of the words, or, for words of six letters and more, has it within a word.
func (o *object) has(words ...string) bool { return o.last(words...) >= 0 }

// last is the place of the last of the words in the name, -1 if it has none.
func (o *object) last(words ...string) int {
	for i := len(o.words) - 1; i >= 0; i-- {
		if slices.ContainsFunc(words, func(w string) bool {
			return o.words[i] == w || len(w) >= 6 && strings.Contains(o.words[i], w)
		}) {
			return i
		}
	}
	return -1
}

// mentions reports whether the row's name or the object's has one of the words.
func (o *object) mentions(words ...string) bool {
	for _, w := range words {
		if strings.Contains(o.about, " "+w+" ") || len(w) >= 6 && strings.Contains(o.about, w) {
			return true
		}
	}
	return false
}

// says reports whether the description matches.
func (o *object) says(re *regexp.Regexp) bool { return re.MatchString(o.text) }

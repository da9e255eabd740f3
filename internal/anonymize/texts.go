package anonymize

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"maps"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// minToken is the length from which a text that identifies is replaced wherever it occurs: shorter ones are parts of
// too many words.
const minToken = 4

// maxToken is the most octets of such a text that are sought as one: of a longer one, the parts. A text of many equal
// letters would otherwise be compared from each of them on to its end.
const maxToken = 255

// common are values of objects that identify which identify nothing.
var common = []string{"unknown", "default", "none", "null", "n/a", "not set", "not specified", "not available", "undefined", "public", "localhost", "switch", "router", "true", "false", "private", "initial", "community", "admin", "printer", "gateway", "firewall", "server", "core", "access", "edge", "host", "node", "device", "mail", "snmp"}

// texts replaces in texts the identities of a recording, and what looks like an address.
type texts struct {
	of       *Anonymizer
	tokens   map[string]bool // in small letters
	kept     map[string]bool // values that stay, in small letters
	replacer *strings.Replacer
}

func newTexts(a *Anonymizer) *texts {
	return &texts{of: a, tokens: map[string]bool{}, kept: map[string]bool{}}
}

// identify notes a text that identifies.
func (t *texts) identify(value []byte) {
	token := tokenOf(value)
	for len(token) >= maxToken+minToken {
		if part := tokenOf([]byte(token[:maxToken])); part != "" {
			t.tokens[lower(part)] = true
		}
		token = tokenOf([]byte(token[maxToken:]))
	}
	if token != "" {
		t.tokens[lower(token)] = true
	}
	for _, part := range partsOf(string(value[:min(len(value), maxToken)])) {
		if token := tokenOf([]byte(part)); token != "" {
			t.tokens[lower(token)] = true
		}
	}
}

// partsOf returns the parts of an identity that identify by themselves: the person and the address of Jane Roe <jane@example.org>,
// whom of jane.roe@example.org, and the host of core-1.example.org. A mailbox of one word, such as support, is a word of
// other texts, too.
func partsOf(text string) (parts []string) {
	if person, rest, ok := strings.Cut(text, "<"); ok {
		inner, _, _ := strings.Cut(rest, ">")
		parts = append(parts, strings.Trim(person, " \t\""), inner)
	}
	for _, mail := range mailText.FindAllString(text, -1) {
		user, _, _ := strings.Cut(mail, "@")
		if parts = append(parts, mail); strings.ContainsAny(user, "._-0123456789") {
			parts = append(parts, user)
		}
	}
	if name := strings.Trim(text, " \t\r\n\x00"); hostText.FindString(name) == name {
		host, _, _ := strings.Cut(name, ".")
		parts = append(parts, host)
	}
	return parts
}

// keep notes a text that identifies nothing.
func (t *texts) keep(value []byte) { t.kept[lower(string(value))] = true }

// tokenOf returns the part of an identity that must not be left anywhere, or "" if it identifies nothing.
func tokenOf(value []byte) string {
	token := strings.Trim(string(value), " \t\r\n\x00")
	if len(token) < minToken || slices.Contains(common, strings.ToLower(token)) || strings.Trim(token, "0123456789.") == "" && len(token) < 2*minToken {
		return ""
	}
	return token
}

// forgetKept leaves out the texts that stay.
func (t *texts) forgetKept() {
	maps.DeleteFunc(t.tokens, func(token string, _ bool) bool { return t.kept[token] })
}

// compile prepares replace for the identities noted; longer ones come first.
func (t *texts) compile() {
	list := make([]string, 0, len(t.tokens))
	t.forgetKept()
	for token := range t.tokens {
		list = append(list, token)
	}
	slices.SortFunc(list, func(a, b string) int {
		if len(a) != len(b) {
			return len(b) - len(a)
		}
		return strings.Compare(a, b)
	})
	var pairs []string
	for _, token := range list {
		pairs = append(pairs, token, fmt.Sprintf("%c%d%c", tokenMark, len(token), tokenMark))
	}
	for octets := range t.of.macs { // without separators, which macText does not know
		if digits := hex.EncodeToString([]byte(octets)); moves([]byte(octets)) {
			pairs = append(pairs, digits, fmt.Sprintf("%c%d%c", macMark, len(digits), macMark))
		}
	}
	t.replacer = strings.NewReplacer(pairs...)
}

// Marks stand around the length of a text that is to be replaced. No text has them, see printable.
const tokenMark, macMark = '\x01', '\x02'

// known replaces the identities that were noted, in whatever case.
func (t *texts) known(text string) string {
	marked := t.replacer.Replace(lower(text))
	var out strings.Builder
	for at := 0; marked != ""; {
		mark := rune(marked[0])
		if mark != tokenMark && mark != macMark {
			out.WriteByte(text[at])
			marked, at = marked[1:], at+1
			continue
		}
		size, rest, _ := strings.Cut(marked[1:], string(mark))
		n, _ := strconv.Atoi(size)
		part := text[at : at+n]
		if mark == macMark {
			out.WriteString(t.mac(part))
		} else {
			out.Write(t.pseudonym([]byte(part)))
		}
		marked, at = rest, at+n
	}
	return out.String()
}

// lower returns a text with small letters for those of ASCII: it is as long as before.
func lower(text string) string {
	b := []byte(text)
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}

// The forms of addresses in texts. The name of a host has a top-level domain in use.
var (
	ipv4Text = regexp.MustCompile(`\b(?:\d{1,3}\.){3}\d{1,3}\b`)
	ipv6Text = regexp.MustCompile(`(?i)\b[0-9a-f]{1,4}(?::[0-9a-f]{0,4}){3,7}\b`)
	macText  = regexp.MustCompile(`(?i)\b(?:[0-9a-f]{2}[:-]){5}[0-9a-f]{2}\b|\b(?:[0-9a-f]{4}\.){2}[0-9a-f]{4}\b`)
	mailText = regexp.MustCompile(`(?i)\b[\w.+-]+@[\w-]+(?:\.[\w-]+)+\b`)
	hostText = regexp.MustCompile(`(?i)\b(?:[a-z0-9-]{1,63}\.)+(?:com|net|org|edu|gov|mil|int|info|io|dev|cloud|local|lan|corp|internal|arpa|eu|de|at|ch|fr|nl|be|uk|ie|it|es|pt|se|no|dk|fi|pl|cz|ru|ua|us|ca|br|mx|ar|cn|jp|kr|in|au|nz|za)\b`)
)

// replace returns a text without identities.
func (t *texts) replace(value []byte) []byte {
	text := t.known(string(value))
	text = mailText.ReplaceAllStringFunc(text, func(s string) string {
		at := strings.IndexByte(s, '@')
		return string(t.pseudonym([]byte(s[:at]))) + "@" + t.host(s[at+1:])
	})
	text = hostText.ReplaceAllStringFunc(text, t.host)
	text = macText.ReplaceAllStringFunc(text, t.mac)
	text = ipv4Text.ReplaceAllStringFunc(text, t.ip)
	text = ipv6Text.ReplaceAllStringFunc(text, t.ip)
	return []byte(text)
}

// host replaces the labels of a name but the last, each by the same wherever it occurs. One that was replaced before
// stays.
func (t *texts) host(name string) string {
	labels := strings.Split(name, ".")
	for i, label := range labels[:len(labels)-1] {
		labels[i] = string(t.pseudonym([]byte(label)))
	}
	return strings.Join(labels, ".")
}

func (t *texts) mac(s string) string {
	digits := strings.Map(func(r rune) rune {
		if strings.ContainsRune(":-.", r) {
			return -1
		}
		return r
	}, s)
	octets, err := hex.DecodeString(digits)
	if err != nil || len(octets) != macSize {
		return s
	}
	other := hex.EncodeToString(t.of.mac(octets))
	if strings.ToUpper(s) == s {
		other = strings.ToUpper(other)
	}
	var b strings.Builder
	for _, r := range s {
		if strings.ContainsRune(":-.", r) {
			b.WriteRune(r)
			continue
		}
		b.WriteByte(other[0])
		other = other[1:]
	}
	return b.String()
}

func (t *texts) ip(s string) string {
	ip, err := netip.ParseAddr(s)
	if err != nil {
		return s
	}
	other, ok := netip.AddrFromSlice(t.of.address(ip.AsSlice()))
	if !ok {
		return s
	}
	return other.String()
}

// pseudonym returns a text of the same shape: a digit for each digit, a letter for each letter of its case and for each
// octet beyond ASCII; all else stays.
func (t *texts) pseudonym(value []byte) []byte {
	trimmed := bytes.ToLower(bytes.Trim(value, " \t\r\n\x00"))
	stream := t.of.sum("text", trimmed)
	out := bytes.Clone(value)
	at := 0
	for i, c := range out {
		if at == len(stream) {
			stream, at = t.of.sum("more", stream), 0
		}
		switch {
		case '0' <= c && c <= '9':
			out[i] = '0' + stream[at]%10
		case 'a' <= c && c <= 'z':
			out[i] = 'a' + stream[at]%26
		case 'A' <= c && c <= 'Z':
			out[i] = 'A' + stream[at]%26
		case c >= 0x80:
			out[i] = 'a' + stream[at]%26
		default:
			continue
		}
		at++
	}
	return out
}

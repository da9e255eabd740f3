package anonymize

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/bits"
	"math/rand/v2"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"trapline/internal/agent"
	"trapline/internal/corpus"
	"trapline/internal/snmp"
	"trapline/mibs"
)

func allMIBs(t testing.TB) *mibs.Tree {
	t.Helper()
	tree, err := mibs.LoadAll(mibs.Embedded())
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

func read(t testing.TB, text string) *agent.Recording {
	t.Helper()
	r, err := agent.ReadRecording(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func written(t testing.TB, r *agent.Recording) string {
	t.Helper()
	var b bytes.Buffer
	if _, err := r.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

const original = `1.3.6.1.2.1.1.1.0|4|Linux core-sw-17 5.4.0 on 192.0.2.17, see http://intranet.example.com/core
1.3.6.1.2.1.1.2.0|6|1.3.6.1.4.1.8072.3.2.10
1.3.6.1.2.1.1.4.0|4|Jane Roe <jane.roe@example.org>
1.3.6.1.2.1.1.5.0|4|core-sw-17
1.3.6.1.2.1.1.6.0|4|Basement, Long Street 4
1.3.6.1.2.1.2.2.1.2.1|4|eth0
1.3.6.1.2.1.2.2.1.6.1|4x|001b21aabbcc
1.3.6.1.2.1.2.2.1.10.1|65|4711
1.3.6.1.2.1.4.20.1.1.127.0.0.1|64|127.0.0.1
1.3.6.1.2.1.4.20.1.1.192.0.2.17|64|192.0.2.17
1.3.6.1.2.1.4.20.1.2.127.0.0.1|2|1
1.3.6.1.2.1.4.20.1.2.192.0.2.17|2|1
1.3.6.1.2.1.4.20.1.3.192.0.2.17|64|255.255.255.0
1.3.6.1.2.1.17.1.1.0|4x|001b21aabbcc
1.3.6.1.2.1.17.2.5.0|4x|8000001b21aabbcc
1.3.6.1.2.1.31.1.1.1.18.1|4|to core-sw-18 of ACME
1.3.6.1.2.1.47.1.1.1.1.11.1|4|FOC1234X5YZ
1.3.6.1.4.1.99999.1.1.192.0.2.17.5|4|unit FOC1234X5YZ at 192.0.2.17, 00:1b:21:aa:bb:cc
1.3.6.1.6.3.10.2.1.1.0|4x|80001f8803001b21aabbcc
1.3.6.1.6.3.16.1.2.1.3.1.6.112.117.98.108.105.99|4|group
`

func TestIdentitiesAreReplacedTheSameByTheSame(t *testing.T) {
	tree := allMIBs(t)
	first := read(t, original)
	a := New([]byte("key"), tree)
	anonymous := a.Recording(first)
	text := written(t, anonymous)
	for _, left := range []string{"core-sw-17", "CORE-SW-17", "Jane", "jane.roe", "example.org", "intranet", "Basement", "FOC1234X5YZ", "192.0.2.17", "aabbcc", "aa:bb:cc", "170.187.204", "ACME", "1.3.6.1.6.3.16"} {
		if strings.Contains(text, left) {
			t.Errorf("%q is left in\n%s", left, text)
		}
	}
	for _, kept := range []string{"Linux ", " 5.4.0 on ", "1.3.6.1.4.1.8072.3.2.10", "001b21", "|127.0.0.1\n", "255.255.255.0", "|4711", "eth0", "80001f8803001b21"} {
		if !strings.Contains(text, kept) {
			t.Errorf("%q is missing from\n%s", kept, text)
		}
	}
	ip, ok := netip.AddrFromSlice(a.address([]byte{192, 0, 2, 17}))
	if n := strings.Count(text, ip.String()); !ok || n != 7 {
		t.Errorf("%s occurs %d times, want 7, in\n%s", ip, n, text)
	}
	if leaks := Leaks(first, anonymous, tree); len(leaks) > 0 {
		t.Errorf("%v", leaks)
	}
	if leaks := Leaks(first, first, tree); len(leaks) < 8 {
		t.Errorf("the original itself has only %v", leaks)
	}
	if again := written(t, New([]byte("key"), tree).Recording(first)); again != text {
		t.Error("the same key makes another recording")
	}
	if other := written(t, New([]byte("other"), tree).Recording(first)); other == text {
		t.Error("another key makes the same recording")
	}
}

// Addresses with a common prefix have replacements with a common prefix of the same length.
func TestPrefixesAreKept(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	a := New([]byte("key"), nil)
	common := func(x, y []byte) int {
		n := 0
		for i := range x {
			z := bits.LeadingZeros8(x[i] ^ y[i])
			if n += z; z < 8 {
				break
			}
		}
		return n
	}
	for _, size := range []int{4, 16} {
		for range 300 {
			x := make([]byte, size)
			for i := range x {
				x[i] = byte(random.UintN(256))
			}
			x[0] = 1 + byte(random.UintN(100))
			y := bytes.Clone(x)
			bit := 8 + random.IntN(8*size-8)
			y[bit/8] ^= 128 >> (bit % 8)
			if got := common(a.address(x), a.address(y)); got != bit {
				t.Fatalf("%v and %v have %d bits in common, their replacements %d", x, y, bit, got)
			}
		}
	}
}

// Of each recording no identity is left, all other objects stay with their types, numbers and texts of the same
// length, and in the order of a walk.
func TestRecordingsAreAnonymous(t *testing.T) {
	tree := allMIBs(t)
	corpus.Each(t, "conformance", func(t *testing.T, dir string) {
		files, err := filepath.Glob(filepath.Join(dir, "*", "*.snmprec*"))
		more, _ := filepath.Glob(filepath.Join(dir, "*.snmprec*"))
		if files = append(files, more...); err != nil || len(files) == 0 {
			t.Fatalf("%v: no recordings", err)
		}
		for _, file := range files {
			r, err := agent.ReadRecording(strings.NewReader(corpus.Text(t, file)))
			if problem := (*agent.LineError)(nil); err != nil && !errors.As(err, &problem) {
				t.Fatal(err)
			}
			anonymous := New([]byte("key"), tree).Recording(r)
			if leaks := Leaks(r, anonymous, tree); len(leaks) > 0 {
				t.Errorf("%s: %d identities are left, such as %q in %s", filepath.Base(file), len(leaks), leaks[0].Token, leaks[0].Object)
			}
			checkOrder(t, file, anonymous)
			if anonymous.Len() < r.Len()/2 {
				t.Errorf("%s: %d of %d objects are left", filepath.Base(file), anonymous.Len(), r.Len())
			}
		}
	})
}

func checkOrder(t *testing.T, file string, r *agent.Recording) {
	t.Helper()
	var before snmp.OID
	for i := range r.Len() {
		v := r.Object(i, 0)
		if before != nil && v.Name.Compare(before) <= 0 {
			t.Errorf("%s: %s follows %s", file, v.Name, before)
		}
		before = bytes.Clone(v.Name)
	}
}

// Octets of any kind, in values and in indexes, are replaced without an end.
func TestHostileRecordings(t *testing.T) {
	tree := allMIBs(t)
	random := rand.New(rand.NewPCG(3, 4))
	roots := []string{"1.3.6.1.2.1.1.5", "1.3.6.1.2.1.4.34.1.3", "1.3.6.1.2.1.4.20.1.1", "1.3.6.1.2.1.17.4.3.1.1", "1.3.6.1.6.3.10.2.1.1", "1.3.6.1.4.1.99999", "1.0.8802.1.1.2.1.4.1.1.9"}
	for range 300 {
		var b agent.Builder
		for range 40 {
			name := snmp.MustParseOID(roots[random.IntN(len(roots))])
			for range random.IntN(9) {
				name = snmp.AppendArc(name, random.Uint32N(300))
			}
			value := make([]byte, random.IntN(24))
			for i := range value {
				value[i] = byte(random.UintN(256)) >> random.UintN(3)
			}
			b.Add(name, []snmp.Type{snmp.OctetString, snmp.IPAddress, snmp.Integer, snmp.ObjectIdentifier}[random.IntN(4)], value)
		}
		r := b.Recording()
		anonymous := New([]byte("key"), tree).Recording(r)
		if _, err := anonymous.WriteTo(io.Discard); err != nil {
			t.Fatal(err)
		}
		_ = Leaks(r, anonymous, tree)
	}
}

// Texts of objects that no MIB names are counted, because nothing says whether they identify.
func TestUnnamedTexts(t *testing.T) {
	r := read(t, original+"1.3.6.1.4.1.99999.1.1.0|4|SN12345678\n1.3.6.1.4.1.99999.1.2.0|4|ok\n1.3.6.1.4.1.99999.1.3.0|2|12345\n1.3.6.1.4.1.99999.1.4.0|4x|0001020304\n")
	tree := allMIBs(t)
	if got := len(Unnamed(r, tree)) - len(Unnamed(read(t, original), tree)); got != 1 {
		t.Errorf("%d texts, want 1", got)
	}
}

// What is found is what comparing each identity with each value finds.
func TestLeaksAreThoseOfEachValue(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	alphabet := "ab1\xc3\xa9 "
	text := func() []byte {
		value := make([]byte, random.IntN(9)*(1+random.IntN(2)*70))
		for i := range value {
			value[i] = alphabet[random.IntN(len(alphabet))]
		}
		return value
	}
	for range 300 {
		var before, after agent.Builder
		for i := range uint32(30) {
			before.Add(snmp.AppendArc(snmp.MustParseOID("1.3.6.1.2.1.31.1.1.1.18"), i), snmp.OctetString, text())
			after.Add(snmp.AppendArc(snmp.MustParseOID("1.3.6.1.4.1.99999.1"), i), snmp.OctetString, text())
		}
		original, anonymous := before.Recording(), after.Recording()
		a := New(nil, nil)
		a.texts = newTexts(a)
		for i := range original.Len() {
			a.collect(original.Object(i, 0))
		}
		want := map[string]bool{}
		for i := range anonymous.Len() {
			v := anonymous.Object(i, 0)
			for token := range a.texts.tokens {
				if bytes.Contains(v.Value, []byte(token)) {
					want[v.Name.String()+" "+token] = true
				}
			}
		}
		leaks := Leaks(original, anonymous, nil)
		for _, l := range leaks {
			if !want[l.Object.String()+" "+l.Token] {
				t.Errorf("%s does not have %q", l.Object, l.Token)
			}
		}
		if len(leaks) != len(want) {
			t.Fatalf("%d leaks, want %d", len(leaks), len(want))
		}
	}
}

// An identity that is longer than what is sought as one is replaced in other texts, too.
func TestLongIdentities(t *testing.T) {
	long := strings.Repeat("Headquarters, Long Street ", 40)
	r := read(t, "1.3.6.1.2.1.1.6.0|4|"+long+"\n1.3.6.1.4.1.99999.1.0|4|site: "+long+"; end\n")
	anonymous := New([]byte("key"), nil).Recording(r)
	if text := written(t, anonymous); strings.Contains(text, "Headquarters") || strings.Contains(text, "Street") || !strings.Contains(text, "site: ") || !strings.Contains(text, "; end") {
		t.Error(text)
	}
	if leaks := Leaks(r, anonymous, nil); len(leaks) > 0 {
		t.Errorf("%v", leaks)
	}
	if leaks := Leaks(r, r, nil); len(leaks) == 0 {
		t.Error("nothing is found in the original")
	}
}

// Secrets and identities are replaced, and found by the check, in places that no list of objects names: in texts of other
// objects in whatever case, in indexes, without separators.
func TestIdentitiesInUnexpectedPlaces(t *testing.T) {
	tree := allMIBs(t)
	text := func(s string) string {
		var b strings.Builder
		for _, c := range []byte(s) {
			fmt.Fprintf(&b, ".%d", c)
		}
		return b.String()
	}
	first := read(t, `1.3.6.1.2.1.1.1.0|4|Switch, community Gr33nTea, of CORE-sw-17, id 001B21AABBCC
1.3.6.1.2.1.1.5.0|4|core-SW-17
1.3.6.1.2.1.2.2.1.6.1|4x|001b21aabbcc
1.3.6.1.4.1.99999.1`+text("core-sw-17")+`|4|peer
1.3.6.1.4.1.99999.2.1.10`+text("Gr33nTea12")+`|2|1
1.3.6.1.4.1.99999.3.0|4|snmp-server community gr33ntea ro; neighbor 001b21aabbcc
1.3.6.1.6.3.15.1.2.2.1.3.1`+text("snmpUser9")+`|4|snmpUser9
1.3.6.1.6.3.18.1.1.1.2.1|4|Gr33nTea
1.3.6.1.4.1.99999.4.0|4|logged in as SNMPUSER9
`)
	anonymous := New([]byte("key"), tree).Recording(first)
	got := strings.ToLower(written(t, anonymous))
	for _, left := range []string{"gr33ntea", "core-sw-17", "aabbcc", "snmpuser9", text("core-sw-17"), text("Gr33nTea")} {
		if strings.Contains(got, left) {
			t.Errorf("%q is left in\n%s", left, got)
		}
	}
	if leaks := Leaks(first, anonymous, tree); len(leaks) > 0 {
		t.Errorf("%v", leaks)
	}
	var places []string
	for _, l := range Leaks(first, first, tree) {
		places = append(places, l.Object.String())
	}
	for _, want := range []string{"1.3.6.1.2.1.1.1.0", "1.3.6.1.4.1.99999.1" + text("core-sw-17"), "1.3.6.1.4.1.99999.2.1.10" + text("Gr33nTea12"), "1.3.6.1.4.1.99999.3.0", "1.3.6.1.4.1.99999.4.0"} {
		if !slices.Contains(places, want) {
			t.Errorf("the check misses %s, it finds %v", want, places)
		}
	}
}

// Parts of identities are found wherever else they are: persons, mailboxes, and hosts without their domain.
func TestPartsOfIdentities(t *testing.T) {
	tree := allMIBs(t)
	const text = `1.3.6.1.2.1.1.1.0|4|Switch ZEUS-17, owned by jane roe
1.3.6.1.2.1.1.4.0|4|Jane Roe <j.roe@example.org>, support@example.org
1.3.6.1.2.1.1.5.0|4|zeus-17.example.org
1.3.6.1.2.1.2.2.1.2.1|4|uplink of zeus-17 by J.Roe, with support of trunks
1.3.6.1.4.1.99999.1.0|4|Roe, Jane
1.3.6.1.4.1.99999.2.7.122.101.117.115.45.49.55|2|1
`
	first := read(t, text)
	anonymous := New([]byte("key"), tree).Recording(first)
	got := written(t, anonymous)
	for _, left := range []string{"zeus", "jane roe", "j.roe", "example.org", "122.101.117.115"} {
		if strings.Contains(strings.ToLower(got), left) {
			t.Errorf("%q is left in\n%s", left, got)
		}
	}
	for _, kept := range []string{"with support of trunks", "|Switch ", "uplink of "} {
		if !strings.Contains(got, kept) {
			t.Errorf("%q is missing from\n%s", kept, got)
		}
	}
	if leaks := Leaks(first, anonymous, tree); len(leaks) > 0 {
		t.Errorf("%v", leaks)
	}
	found := map[string]bool{}
	for _, l := range Leaks(first, first, tree) {
		found[l.Token+" at "+l.Object.String()] = true
	}
	for _, want := range []string{"zeus-17 at 1.3.6.1.2.1.1.1.0", "jane roe at 1.3.6.1.2.1.1.1.0", "j.roe at 1.3.6.1.2.1.2.2.1.2.1", "zeus-17 at 1.3.6.1.4.1.99999.2.7.122.101.117.115.45.49.55"} {
		if !found[want] {
			t.Errorf("%s is not found in %v", want, found)
		}
	}
}

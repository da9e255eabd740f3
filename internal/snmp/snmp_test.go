package snmp

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
)

func TestParseOID(t *testing.T) {
	for _, s := range []string{"1", "0.0", "1.3", "2.999", "1.3.6.1.2.1.1.1.0", "1.3.6.1.4.1.4294967295.127.128.16383.16384"} {
		o, err := ParseOID("." + s)
		if err != nil {
			t.Fatalf("%s: %v", s, err)
		}
		if got := o.String(); got != s {
			t.Errorf("%s reads back as %s", s, got)
		}
	}
	for _, s := range []string{"", ".", "1..3", "3.1", "1.40", "1.3.x", "1.3.4294967296", "-1", "1.3."} {
		if o, err := ParseOID(s); err == nil {
			t.Errorf("%q was taken for %s", s, o)
		}
	}
}

func randomOID(r *rand.Rand) (OID, []uint64) {
	borders := []uint64{0, 1, 127, 128, 16383, 16384, 1 << 21, 1<<28 - 1, 1 << 28, math.MaxUint32}
	arcs := []uint64{r.Uint64N(3), r.Uint64N(40)}
	for range r.IntN(5) {
		arcs = append(arcs, borders[r.IntN(len(borders))])
	}
	var text []string
	for _, a := range arcs {
		text = append(text, strconv.FormatUint(a, 10))
	}
	return MustParseOID(strings.Join(text, ".")), arcs
}

func TestCompareIsNumericOrder(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 200_000 {
		a, arcsA := randomOID(r)
		b, arcsB := randomOID(r)
		if got, want := a.Compare(b), slices.Compare(arcsA, arcsB); cmp.Compare(got, 0) != want {
			t.Fatalf("%s against %s: %d, want %d", a, b, got, want)
		}
		if got, want := a.HasPrefix(b), len(arcsA) >= len(arcsB) && slices.Equal(arcsA[:len(arcsB)], arcsB); got != want {
			t.Fatalf("%s below %s: %v", a, b, got)
		}
	}
}

// After must equal Valid and Compare for arbitrary octets in the place of a name.
func TestAfterIsValidAndGreater(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	octets := []byte{0, 1, 0x7f, 0x80, 0x81, 0xff}
	for range 200_000 {
		last, _ := randomOID(r)
		name := bytes.Clone(last)
		if r.IntN(2) == 0 {
			name, _ = randomOID(r)
		}
		for range r.IntN(3) {
			if i := r.IntN(len(name) + 1); i < len(name) {
				name[i] = octets[r.IntN(len(octets))]
			} else {
				name = append(name, octets[r.IntN(len(octets))])
			}
		}
		shared := 0
		for i := range min(len(name), len(last)) {
			if name[i] != last[i] || r.IntN(4) == 0 {
				break
			}
			if name[i] < 0x80 {
				shared = i + 1
			}
		}
		if got, want := OID(name).After(last, shared), OID(name).Valid() && OID(name).Compare(last) > 0; got != want {
			t.Fatalf("% x after % x, of which %d octets are the same: %v", name, last, shared, got)
		}
	}
}

func TestSingleArcIsARootOnly(t *testing.T) {
	one := MustParseOID("1")
	if got := one.First().String(); got != "1.0" {
		t.Errorf("a walk of 1 starts at %s", got)
	}
	for s, below := range map[string]bool{"1.0.8802": true, "1.3.6.1": true, "0.0": false, "2.5": false} {
		o := MustParseOID(s)
		if o.HasPrefix(one) != below {
			t.Errorf("%s below 1: %v", s, !below)
		}
		if want := cmp.Compare(s, "1"); o.Compare(one) != want || one.Compare(o) != -want {
			t.Errorf("%s against 1: %d", s, o.Compare(one))
		}
	}
}

func TestIntegersRoundTrip(t *testing.T) {
	for _, v := range []int64{0, 1, -1, 127, 128, -128, -129, 32767, 32768, math.MaxInt32, math.MinInt32, math.MaxInt64, math.MinInt64} {
		got, err := VarBind{Type: Integer, Value: AppendInt(nil, v)}.Int()
		if err != nil || got != v {
			t.Errorf("%d reads back as %d, %v", v, got, err)
		}
	}
	for _, v := range []uint64{0, 127, 128, math.MaxUint32, math.MaxInt64, math.MaxUint64} {
		got, err := VarBind{Type: Counter64, Value: AppendUint(nil, v)}.Uint()
		if err != nil || got != v {
			t.Errorf("%d reads back as %d, %v", v, got, err)
		}
	}
}

func TestCounter32EncodedAsNegative(t *testing.T) {
	for _, value := range [][]byte{{0xff, 0xff, 0xff, 0xfe}, {0xfe}, {0, 0xff, 0xff, 0xff, 0xfe}} {
		got, err := VarBind{Type: Counter32, Value: value}.Uint()
		if err != nil || got != math.MaxUint32-1 {
			t.Errorf("% x is %d, %v", value, got, err)
		}
	}
}

func TestOpaqueFloat(t *testing.T) {
	for _, c := range []struct {
		value []byte
		want  float64
	}{
		{[]byte{0x9f, 0x78, 4, 0x3f, 0x80, 0, 0}, 1},
		{[]byte{0x9f, 0x79, 8, 0x3f, 0xf8, 0, 0, 0, 0, 0, 0}, 1.5},
	} {
		if got, err := (VarBind{Type: Opaque, Value: c.value}).Float(); err != nil || got != c.want {
			t.Errorf("% x is %v, %v", c.value, got, err)
		}
	}
	if _, err := (VarBind{Type: Opaque, Value: []byte{0x9f, 0x78, 8, 1, 2, 3, 4}}).Float(); err == nil {
		t.Error("a float that claims eight octets was read")
	}
}

func TestMessagesRoundTrip(t *testing.T) {
	var list []byte
	want := []VarBind{
		{MustParseOID("1.3.6.1.2.1.1.3.0"), TimeTicks, []byte{1, 2, 3}},
		{MustParseOID("1.3.6.1.2.1.1.1.0"), OctetString, bytes.Repeat([]byte("x"), 300)},
		{MustParseOID("1.3.6.1.2.1.1.9.0"), EndOfMibView, nil},
	}
	for _, v := range want {
		before := len(list)
		list = AppendVarBind(list, v)
		if n := len(list) - before; n != VarBindSize(v) {
			t.Errorf("%s takes %d octets, VarBindSize says %d", v.Name, n, VarBindSize(v))
		}
	}
	in := Message{V2c, []byte("public"), Response, -2, TooBig, 3, list}
	out, err := ParseMessage(AppendMessage(nil, &in))
	if err != nil {
		t.Fatal(err)
	}
	if out.Version != in.Version || out.RequestID != in.RequestID || out.ErrorStatus != in.ErrorStatus ||
		out.ErrorIndex != in.ErrorIndex || out.PDU != in.PDU || string(out.Community) != "public" {
		t.Errorf("read back as %+v", out)
	}
	rest := out.VarBinds
	for _, w := range want {
		var v VarBind
		if v, rest, err = CutVarBind(rest); err != nil || !bytes.Equal(v.Name, w.Name) || v.Type != w.Type || !bytes.Equal(v.Value, w.Value) {
			t.Errorf("got %v %v, want %v", v, err, w)
		}
	}
}

func TestMessagesOfAllTypesRoundTrip(t *testing.T) {
	list := AppendVarBind(nil, VarBind{MustParseOID("1.3.6.1.2.1.1.3.0"), TimeTicks, []byte{1, 2, 3}})
	for kind := GetRequest; kind <= Report; kind++ {
		in := Message{V2c, []byte("public"), kind, 7, 3, 10, list}
		out, err := ParseMessage(AppendMessage(nil, &in))
		scoped := ScopedPDU{[]byte("engine"), []byte("vrf"), PDU{kind, 7, 3, 10, list}}
		out3, err3 := ParseScopedPDU(AppendScopedPDU(nil, &scoped))
		if kind == TrapV1 {
			if !errors.Is(err, ErrTrap) || !errors.Is(err3, ErrTrap) {
				t.Errorf("a Trap-PDU gives %v and %v", err, err3)
			}
			continue
		}
		if err != nil || fmt.Sprint(out) != fmt.Sprint(in) || err3 != nil || fmt.Sprint(out3) != fmt.Sprint(scoped) {
			t.Errorf("%#x reads back as %+v, %v and %+v, %v", kind, out, err, out3, err3)
		}
	}
}

func TestStringsThatClaimOneOctetTooMuch(t *testing.T) {
	for _, n := range []int{0, 1, 6, 126, 127, 128, 300} {
		text := bytes.Repeat([]byte("x"), n)
		next := VarBind{MustParseOID("1.3.6.1.2.1.1.6.0"), OctetString, []byte("next")}
		for beyond, ok := range map[int]bool{0: true, 1: true, 2: false} {
			for kind, tolerated := range map[Type]bool{OctetString: true, Opaque: false} {
				value := append(appendHeader(nil, byte(kind), n+beyond), text...)
				pair := append(unhex("06082b06010201010500"), value...)
				list := AppendVarBind(append(appendHeader(nil, tagSequence, len(pair)), pair...), next)
				v, rest, err := CutVarBind(list)
				if want := ok && (tolerated || beyond == 0); (err == nil) != want || want && !bytes.Equal(v.Value, text) {
					t.Errorf("%s of %d octets that claims %d more: %q, %v", kind, n, beyond, v.Value, err)
				}
				if v, _, err := CutVarBind(rest); err != nil || string(v.Value) != "next" {
					t.Errorf("behind it is %v, %v", v, err)
				}
			}
		}
	}
}

func TestOneBadBindingDoesNotHideTheNext(t *testing.T) {
	bad := []byte{tagSequence, 5, 6, 2, 0x2b, 0x86, 5}
	list := AppendVarBind(append(bad, 0), VarBind{MustParseOID("1.3"), Null, nil})
	_, rest, err := CutVarBind(list[:7])
	if err == nil || rest == nil || len(rest) != 0 {
		t.Fatalf("the malformed name gave %v, rest %v", err, rest)
	}
}

func FuzzParseMessage(f *testing.F) {
	f.Add(AppendMessage(nil, &Message{V2c, []byte("public"), GetBulkRequest, 1, 0, 25, AppendVarBind(nil, VarBind{MustParseOID("1.3.6"), Null, nil})}))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := ParseMessage(b)
		if err != nil {
			return
		}
		for list := m.VarBinds; len(list) > 0; {
			v, rest, err := CutVarBind(list)
			if err == nil {
				if o, err := ParseOID(v.Name.String()); err == nil && o.Compare(v.Name) != 0 {
					t.Errorf("% x prints as %s", v.Name, v.Name)
				}
				_, _ = v.Int()
				_, _ = v.Float()
			}
			if rest == nil {
				return
			}
			list = rest
		}
	})
}

func TestCodecDoesNotAllocate(t *testing.T) {
	list := AppendVarBind(nil, VarBind{MustParseOID("1.3.6.1.2.1.1.3.0"), TimeTicks, []byte{1, 2, 3}})
	in := Message{V2c, []byte("public"), Response, 7, 0, 0, list}
	buf := make([]byte, 0, 200)
	n := testing.AllocsPerRun(100, func() {
		buf = AppendMessage(buf[:0], &in)
		m, _ := ParseMessage(buf)
		_, _, _ = CutVarBind(m.VarBinds)
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// CutLast and AppendArc must be inverse for arcs of all sizes.
func TestAnOIDIsItsParentAndItsLastNumber(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 8))
	for range 2000 {
		parent := MustParseOID("1.3")
		for range random.IntN(12) {
			parent = AppendArc(parent, random.Uint32()>>random.IntN(32))
		}
		last := random.Uint32() >> random.IntN(32)
		o := AppendArc(slices.Clone(parent), last)
		if p, n := o.CutLast(); !bytes.Equal(p, parent) || n != last || !bytes.Equal(o.Parent(), parent) {
			t.Fatalf("%s: cut into %s and %d, want %s and %d", o, p, n, parent, last)
		}
	}
	for _, o := range []OID{nil, MustParseOID("1"), MustParseOID("1.3")} {
		if p := o.Parent(); len(p) != 0 {
			t.Errorf("parent of %q is %s", o.String(), p)
		}
	}
}

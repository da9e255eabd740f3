package series

import (
	"bytes"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

func table(rows ...string) *Table {
	t := &Table{}
	for _, r := range rows {
		t.Labels = append(t.Labels, r...)
		t.AddRow()
	}
	return t
}

// One row with long labels reserves no memory for others like it.
func TestReserveForRows(t *testing.T) {
	for _, long := range []int{10, 60_000} {
		rows := table(strings.Repeat("x", long))
		if rows.Reserve(1000); cap(rows.Labels) > long+1000*300 {
			t.Errorf("beside a row of %d octets, 1,000 rows have room for %d", long, cap(rows.Labels))
		}
		if rows.Row(0); len(rows.Labels) != long {
			t.Errorf("%d octets are left of %d", len(rows.Labels), long)
		}
	}
}

// switchPort returns the result of polling two ports and the uptime.
func switchPort() *Set {
	ports := table(`ifIndex="1",ifAlias=""`, `ifIndex="2",ifAlias="to \"core\"\\1\n"`)
	return &Set{Columns: []Column{
		{Desc: &Desc{Name: "ifHCInOctets", Help: "Octets received.", Type: Counter}, Table: ports, Values: []float64{1, 12345678}},
		{Desc: &Desc{Name: "ifName", Help: "Name of the port.\nTwo lines \\ and \"quotes\".", Type: Gauge}, Table: ports, Values: []float64{1},
			Rows: []int32{1}, Extra: []byte(`ifName="Gi0/2"`), ExtraEnds: []uint32{14}},
		{Desc: &Desc{Name: "requests_total", Help: "Counted.", Type: Counter}, Table: table(""), Values: []float64{math.Inf(1)}},
		{Desc: &Desc{Name: "sys.uptime", Help: "Ticks.", Type: Gauge}, Table: table(""), Values: []float64{0.5}},
	}}
}

func encode(t *testing.T, accept expfmt.Format, groups ...Group) string {
	t.Helper()
	var out bytes.Buffer
	e := NewEncoder(&out, accept, nil)
	if err := e.Encode(groups); err != nil {
		t.Fatal(err)
	}
	if _, err := e.Close(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestText(t *testing.T) {
	want := `# HELP ifHCInOctets Octets received.
# TYPE ifHCInOctets counter
ifHCInOctets{ifIndex="1",ifAlias=""} 1
ifHCInOctets{ifIndex="2",ifAlias="to \"core\"\\1\n"} 1.2345678e+07
# HELP ifName Name of the port.\nTwo lines \\ and "quotes".
# TYPE ifName gauge
ifName{ifIndex="2",ifAlias="to \"core\"\\1\n",ifName="Gi0/2"} 1
# HELP requests_total Counted.
# TYPE requests_total counter
requests_total +Inf
# HELP sys_uptime Ticks.
# TYPE sys_uptime gauge
sys_uptime 0.5
`
	if got := encode(t, expfmt.NewFormat(expfmt.TypeTextPlain), Group{Sets: []*Set{switchPort()}}); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestTargetsOfOneNameStandTogether(t *testing.T) {
	uptime := func(v float64) *Set {
		return &Set{Columns: []Column{{Desc: &Desc{Name: "up.time", Help: "Ticks.", Type: Gauge}, Table: table(""), Values: []float64{v}}}}
	}
	want := `# HELP "up.time" Ticks.
# TYPE "up.time" gauge
{"up.time",target="a"} 1
{"up.time",target="b"} 2
{"up.time"} 3
`
	format := expfmt.NewFormat(expfmt.TypeTextPlain).WithEscapingScheme(model.NoEscaping)
	got := encode(t, format, Group{[]byte(`target="a"`), []*Set{uptime(1)}}, Group{[]byte(`target="b"`), []*Set{uptime(2)}}, Group{nil, []*Set{uptime(3)}})
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestOpenMetricsKeepsTheNames(t *testing.T) {
	got := encode(t, expfmt.NewFormat(expfmt.TypeOpenMetrics), Group{Sets: []*Set{switchPort()}})
	for _, line := range []string{
		"# TYPE ifHCInOctets unknown\n", "ifHCInOctets{ifIndex=\"1\",ifAlias=\"\"} 1\n",
		"# TYPE requests counter\n", "\nrequests_total +Inf\n", "Two lines \\\\ and \\\"quotes\\\".\n",
	} {
		if !strings.Contains(got, line) {
			t.Errorf("no %q in\n%s", line, got)
		}
	}
	if !strings.HasSuffix(got, "# EOF\n") {
		t.Error("no # EOF at the end")
	}
}

// expfmt must read the same from text and from protobuf.
func TestProtobufEqualsText(t *testing.T) {
	group := Group{[]byte(`target="a\\b"`), []*Set{switchPort()}}
	text := encode(t, expfmt.NewFormat(expfmt.TypeTextPlain), group)
	parser := expfmt.NewTextParser(model.UTF8Validation)
	want, err := parser.TextToMetricFamilies(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	format := expfmt.NewFormat(expfmt.TypeProtoDelim)
	decoder := expfmt.NewDecoder(strings.NewReader(encode(t, format, group)), format)
	for range want {
		var family dto.MetricFamily
		if err := decoder.Decode(&family); err != nil {
			t.Fatal(err)
		}
		if got, want := family.String(), want[family.GetName()].String(); got != want {
			t.Errorf("protobuf %s\ntext     %s", got, want)
		}
	}
}

func TestDuplicatesAreDroppedOnce(t *testing.T) {
	rows := table(`i="1",a="x"`, `i="2",a="x"`, `i="1",a="x"`)
	set := func() *Set {
		return &Set{Columns: []Column{
			{Desc: &Desc{Name: "m", Help: "h", Type: Gauge}, Table: rows, Values: []float64{1, 2, 3}},
			{Desc: &Desc{Name: "once", Help: "h", Type: Gauge}, Table: rows, Values: []float64{4}, Rows: []int32{2}},
		}}
	}
	other := &Set{Columns: []Column{{Desc: &Desc{Name: "m", Help: "another help", Type: Gauge}, Table: table(`a="x",i="2"`), Values: []float64{9}}}}
	a := set()
	dropped := DropDuplicates([]*Set{a, other})
	if len(dropped) != 2 || dropped[0] != (Duplicate{"m", `i="1",a="x"`}) || dropped[1] != (Duplicate{"m", `a="x",i="2"`}) {
		t.Errorf("dropped %v", dropped)
	}
	if a.Len() != 3 || other.Len() != 0 || a.Columns[0].Values[1] != 2 {
		t.Errorf("left %v and %v", a.Columns, other.Columns)
	}
	if again := DropDuplicates([]*Set{a, other}); again != nil {
		t.Errorf("dropped again %v", again)
	}
}

func TestSeriesOfOneObjectAreShownOnce(t *testing.T) {
	column := func(object byte, qualifier string, values ...float64) Column {
		return Column{Desc: &Desc{Name: "m", Object: []byte{object}, Qualifier: qualifier}, Table: table(`i="1"`, `i="2"`), Values: values}
	}
	text := func(sets ...*Set) string {
		var b bytes.Buffer
		e := NewEncoder(&b, expfmt.NewFormat(expfmt.TypeTextPlain), nil)
		if err := e.Encode([]Group{{Sets: sets}}); err != nil {
			t.Fatal(err)
		}
		if _, err := e.Close(); err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(strings.TrimSpace(b.String()), "\n")[2:]
		slices.Sort(lines)
		return strings.Join(lines, " ")
	}
	for _, order := range [][]int{{0, 1, 2}, {2, 1, 0}, {1, 0, 2}} {
		all := []*Set{{Columns: []Column{column(1, `oid="1"`, 5, 6)}}, {Columns: []Column{column(2, `oid="2"`, 7)}}, {Columns: []Column{column(1, `oid="1"`, 5)}}}
		sets := []*Set{all[order[0]], all[order[1]], all[order[2]]}
		if dropped := DropDuplicates(sets); dropped != nil {
			t.Errorf("order %v: drops %v", order, dropped)
		}
		if got, want := text(sets...), `m{i="1",oid="2"} 7 m{i="1"} 5 m{i="2"} 6`; got != want {
			t.Errorf("order %v: %s, want %s", order, got, want)
		}
	}
	both := []*Set{{Columns: []Column{column(1, "", 5)}}, {Columns: []Column{column(1, "", 5)}}}
	if dropped := DropDuplicates(both); len(dropped) != 1 {
		t.Errorf("without a qualifier it drops %v", dropped)
	}
}

func TestFloatsAsStrconvWritesThem(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	check := func(v float64) {
		if got, want := string(appendFloat(nil, v)), strconv.FormatFloat(v, 'g', -1, 64); got != want {
			t.Fatalf("%v is written %s, want %s", v, got, want)
		}
	}
	for _, v := range []float64{0, math.Copysign(0, -1), 1, -1, 999999, 1e6, 1e6 + 1, 1<<53 - 1, 1 << 53, 1e15, 123e10, 0.1, math.NaN(), math.Inf(-1), math.MaxFloat64} {
		check(v)
	}
	for range 200_000 {
		check(float64(r.Uint64() >> (10 + r.IntN(54))))
		check(math.Float64frombits(r.Uint64()))
		check(math.Trunc(math.Pow(10, r.Float64()*16)) * math.Pow(10, float64(r.IntN(4))))
	}
}

func FuzzLabelValue(f *testing.F) {
	f.Add([]byte("plain"))
	f.Add([]byte("a\xff\xfeb\"\\\n\xe2\x82"))
	f.Fuzz(func(t *testing.T, value []byte) {
		labels := AppendLabel(AppendLabel(nil, 0, "a", value), 0, "b", value)
		_, escaped, rest := cutLabel(labels)
		want := strings.ToValidUTF8(string(value), string(utf8.RuneError))
		if got := string(appendUnescaped(nil, escaped)); got != want {
			t.Errorf("%q reads back as %q", want, got)
		}
		if name, second, rest := cutLabel(rest); string(name) != "b" || !bytes.Equal(second, escaped) || len(rest) != 0 {
			t.Errorf("second label %s=%q, rest %q", name, second, rest)
		}
	})
}

// A colon is valid in metric names only: in a label name it would make the whole scrape fail.
func TestLabelNamesAreThoseOfTheTextFormat(t *testing.T) {
	for name, want := range map[string]string{"ifName": "ifName", "if:name": "if_name", "if-name": "if_name", "1st": "_st", "größe": "gr__e"} {
		if got := LabelName(name); got != want {
			t.Errorf("%q becomes %q: want %q", name, got, want)
		}
	}
}

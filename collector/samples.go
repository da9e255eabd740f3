package collector

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/itchyny/timefmt-go"

	"trapline/internal/series"
	"trapline/internal/snmp"
)

// converter makes the samples of one instance in a row of its column's table.
type converter func(c *conversion, col *columnState, row int32, v snmp.VarBind)

// labelUse is the label that the samples of a type add. It has the name of the metric.
type labelUse byte

const (
	noLabel labelUse = iota
	valueAsLabel
	oneForEachState
)

// sampler is how a metric of a type makes samples.
type sampler struct {
	convert       converter
	metricType    series.Type
	labels        labelUse
	nameSuffix    string
	helpSuffix    string
	derived       bool // samples are not the numbers of the device, scaled or not
	skipIfLabeled bool // no series if a label of the metric's name exists already
}

var (
	number = sampler{convert: numberSample}
	text   = sampler{convert: textSample, labels: valueAsLabel}
)

// scaled applies scale and offset. A scale of 0 means none.
func (col *column) scaled(v float64) float64 {
	if col.scale != 0 {
		v *= col.scale
	}
	return v + col.offset
}

func numberSample(c *conversion, col *columnState, row int32, v snmp.VarBind) {
	if number, ok := c.readNumber(v); ok {
		col.set(row, col.column.scaled(number))
	}
}

// readNumber is number for a sample. An invalid number has none.
func (c *conversion) readNumber(v snmp.VarBind) (number float64, ok bool) {
	number, err := c.number(v)
	if err != nil {
		c.unconverted++
	}
	return number, err == nil
}

// textSample makes a sample with the text as a label. Its value is 1, with scale and offset applied.
func textSample(c *conversion, col *columnState, row int32, v snmp.VarBind) {
	if col.column.label == "" {
		col.set(row, col.column.scaled(1))
		return
	}
	col.claim(row)
	c.text = col.column.form.appendText(c.text[:0], v)
	start := len(col.out.Extra)
	col.out.Extra = series.AppendLabel(col.out.Extra, start, col.column.label, c.text)
	col.add(row, col.column.scaled(1))
}

// extract makes a number of text by the first expression that matches and yields one.
func extract(c *conversion, col *columnState, row int32, v snmp.VarBind) {
	c.text = col.column.form.appendText(c.text[:0], v)
	c.text = validUTF8(c.text)
	for i := range col.column.extracts {
		x := &col.column.extracts[i]
		at := x.Regex.FindSubmatchIndex(c.text)
		if at == nil {
			continue
		}
		number, err := strconv.ParseFloat(string(x.Regex.Expand(nil, []byte(x.Value), c.text, at)), 64)
		if err == nil {
			col.set(row, col.column.scaled(number))
			return
		}
	}
}

func enumInfo(c *conversion, col *columnState, row int32, v snmp.VarBind) {
	number, ok := c.readNumber(v)
	if !ok {
		return
	}
	col.claim(row)
	label := col.column.stateLabel(int(number))
	if label == nil {
		c.text = strconv.AppendInt(c.text[:0], int64(number), 10)
		start := len(col.out.Extra)
		col.out.Extra = series.AppendLabel(col.out.Extra, start, col.column.label, c.text)
	}
	col.out.Extra = append(col.out.Extra, label...)
	col.add(row, 1)
}

func (col *column) stateLabel(value int) []byte {
	i := slices.IndexFunc(col.states, func(s state) bool { return s.value == value })
	if i < 0 {
		return nil
	}
	return col.states[i].label
}

// enumStates makes a sample for each state, 1 for the current one. A value without a name gets a
// sample of its own.
func enumStates(c *conversion, col *columnState, row int32, v snmp.VarBind) {
	number, ok := c.readNumber(v)
	if !ok {
		return
	}
	col.claimMany(row)
	value := int(number)
	if col.column.stateLabel(value) == nil {
		c.text = strconv.AppendInt(c.text[:0], int64(value), 10)
		start := len(col.out.Extra)
		col.out.Extra = series.AppendLabel(col.out.Extra, start, col.column.label, c.text)
		col.add(row, 1)
	}
	for _, s := range col.column.states {
		col.out.Extra = append(col.out.Extra, s.label...)
		col.add(row, oneIf(s.value == value))
	}
}

// bitStates makes a sample for each named bit; bit 0 is the highest of the first octet. Bits after the
// last octet of the value are 0.
func bitStates(c *conversion, col *columnState, row int32, v snmp.VarBind) {
	if !isOctets(v) {
		c.problem(fmt.Errorf("metric %s: a %s came where BITS belong", col.column.desc.Name, v.Type))
		return
	}
	col.claimMany(row)
	for _, s := range col.column.states {
		set := s.value >= 0 && s.value/8 < len(v.Value) && v.Value[s.value/8]&(128>>(s.value%8)) != 0
		col.out.Extra = append(col.out.Extra, s.label...)
		col.add(row, oneIf(set))
	}
}

func oneIf(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}

func isOctets(v snmp.VarBind) bool {
	switch v.Type {
	case snmp.OctetString, snmp.BitString, snmp.NsapAddress:
		return true
	case snmp.Opaque:
		_, err := v.Float()
		return err != nil
	}
	return false
}

// dateAndTime makes Unix seconds of RFC 2579's DateAndTime. Eight octets are UTC, eleven end in the
// offset from it. Other values have no sample.
func dateAndTime(c *conversion, col *columnState, row int32, v snmp.VarBind) {
	b := v.Value
	if !isOctets(v) || (len(b) != 8 && len(b) != 11) {
		return
	}
	offset := 0
	if len(b) == 11 {
		if b[9] > 24 || b[10] > 60 {
			return
		}
		offset = (int(b[9])*60 + int(b[10])) * 60
		switch b[8] {
		case '+':
		case '-':
			offset = -offset
		default:
			return
		}
	}
	year := int(binary.BigEndian.Uint16(b))
	at := time.Date(year, time.Month(b[2]), int(b[3]), int(b[4]), int(b[5]), int(b[6]), 0, time.UTC)
	col.set(row, col.column.scaled(float64(at.Unix()-int64(offset))))
}

func parsedDateAndTime(c *conversion, col *columnState, row int32, v snmp.VarBind) {
	form := textForm{format: characters}
	c.text = validUTF8(form.appendText(c.text[:0], v))
	at, err := timefmt.Parse(string(c.text), col.column.pattern)
	if err == nil {
		col.set(row, col.column.scaled(float64(at.Unix())))
	}
}

// ntpEpoch is the number of seconds from 1900 to 1970 (RFC 5905 section 6).
const ntpEpoch = 2208988800

func ntpTimeStamp(c *conversion, col *columnState, row int32, v snmp.VarBind) {
	if !isOctets(v) || len(v.Value) < 8 {
		return
	}
	col.set(row, col.column.scaled(float64(int64(binary.BigEndian.Uint32(v.Value))-ntpEpoch)))
}

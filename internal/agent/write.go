package agent

import (
	"bytes"
	"encoding/hex"
	"io"
	"net/netip"
	"strconv"

	"trapline/internal/snmp"
)

// WriteTo writes the recording in the format of ReadRecording.
func (r *Recording) WriteTo(w io.Writer) (int64, error) {
	var written int64
	var line []byte
	for i := range r.Len() {
		line = r.appendLine(line[:0], i)
		n, err := w.Write(line)
		written += int64(n)
		if err != nil {
			return written, err
		}
	}
	return written, nil
}

// AppendLine appends an object as a line of a recording.
func AppendLine(b []byte, v snmp.VarBind) []byte {
	b = strconv.AppendUint(append(v.Name.AppendText(b), '|'), uint64(v.Type), 10)
	return append(appendValueText(b, v), '\n')
}

func (r *Recording) appendLine(b []byte, i int) []byte {
	o := &r.objects[i]
	if o.motion == 0 {
		return AppendLine(b, r.Object(i, 0))
	}
	b = strconv.AppendUint(append(r.Name(i).AppendText(b), '|'), uint64(o.kind), 10)
	b = append(b, ":numeric|"...)
	if o.motion > 0 {
		b = r.growths[o.motion-1].appendText(b)
	} else {
		b = r.waves[-o.motion-1].appendText(b, o.kind)
	}
	return append(b, '\n')
}

// appendValueText appends the rest of a line after the tag: as plain text if that reads back as the
// same octets, in hex otherwise.
func appendValueText(b []byte, v snmp.VarBind) []byte {
	text := plainText(v)
	if back, err := parseValue(v.Type, string(text)); err == nil && bytes.Equal(back, v.Value) && printable(text) {
		return append(append(b, '|'), text...)
	}
	return hex.AppendEncode(append(b, 'x', '|'), v.Value)
}

func plainText(v snmp.VarBind) []byte {
	switch v.Type {
	case snmp.ObjectIdentifier:
		return snmp.OID(v.Value).AppendText(nil)
	case snmp.IPAddress:
		if a, ok := netip.AddrFromSlice(v.Value); ok {
			return a.AppendTo(nil)
		}
	case snmp.Integer:
		if i, err := v.Int(); err == nil {
			return strconv.AppendInt(nil, i, 10)
		}
	case snmp.Counter32, snmp.Gauge32, snmp.TimeTicks, snmp.Counter64, snmp.Uinteger32:
		if u, err := v.Uint(); err == nil {
			return strconv.AppendUint(nil, u, 10)
		}
	}
	return v.Value
}

func printable(text []byte) bool {
	for _, c := range text {
		if c < ' ' || c > '~' {
			return false
		}
	}
	return true
}

func (g *Growth) appendText(b []byte) []byte {
	b = append(b, "initial="...)
	b = strconv.AppendUint(b, g.Start, 10)
	b = appendSetting(b, "rate", g.Rate, 1)
	b = appendSetting(b, "swing", g.Swing, 0)
	b = appendSetting(b, "period", g.Period.Seconds(), 0)
	b = appendSetting(b, "phase", g.Phase, 0)
	return append(b, ",wrap=1"...)
}

func (w *Wave) appendText(b []byte, kind snmp.Type) []byte {
	b = strconv.AppendFloat(append(b, "initial="...), w.Initial, 'g', -1, 64)
	b = appendSetting(b, "offset", w.Offset, 0)
	b = appendSetting(b, "scale", w.Scale, 1)
	b = appendSetting(b, "rate", w.Rate, 1)
	b = appendSetting(b, "phase", w.Phase, 0)
	b = appendSetting(b, "width", w.Width, 0)
	b = appendSetting(b, "deviation", w.Deviation, 0)
	b = appendSetting(b, "min", w.Min, 0)
	b = appendSetting(b, "max", w.Max, largest(kind))
	for name, shape := range shapeNames {
		if shape == w.Shape {
			b = append(append(b, ",function="...), name...)
		}
	}
	if w.Wrap {
		b = append(b, ",wrap=1"...)
	}
	return b
}

// appendSetting appends a comma and the setting, unless it has its default.
func appendSetting(b []byte, key string, v, otherwise float64) []byte {
	if v == otherwise {
		return b
	}
	b = append(append(append(b, ','), key...), '=')
	return strconv.AppendFloat(b, v, 'g', -1, 64)
}

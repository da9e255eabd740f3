package setting

import (
	"bytes"
	"strings"
	"testing"
)

func TestHex(t *testing.T) {
	want := []byte{0x80, 0x00, 0x1f, 0x88, 0xAB}
	for _, text := range []string{"80001f88ab", "0x80001F88AB", "0X80001f88AB", "80:00:1f:88:ab", "80 00 1F 88 AB", "80-00-1f-88-ab", " 0x80 00:1f 88ab\n"} {
		if got, err := Hex(text); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%q gives %x, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "0x"} {
		if got, err := Hex(text); err != nil || got != nil {
			t.Errorf("%q gives %x, %v", text, got, err)
		}
	}
	for _, text := range []string{"8", "0x800", "hunter2hunter22", "0x0x80", "80,00", "\xff"} {
		if got, err := Hex(text); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q gives %x, %v", text, got, err)
		}
	}
}

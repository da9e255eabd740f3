package modules

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// BenchmarkNames compiles modules, each of 13 names of a MIB of its own, whose files import a common one. The time
// for a name does not depend on how many files there are.
func BenchmarkNames(b *testing.B) {
	for _, files := range []int{50, 500} {
		b.Run(fmt.Sprint(files, "_files"), func(b *testing.B) {
			dir := b.TempDir()
			writeMIBs(b, dir, files)
			for b.Loop() {
				l, err := NewLibrary([]string{dir})
				if err != nil {
					b.Fatal(err)
				}
				for i := range files {
					s := &Settings{}
					for j := range 13 {
						s.Walk = append(s.Walk, Named(fmt.Sprintf("ACME-%d-MIB::acme%dValue%d", i, i, 5*j))...)
					}
					if _, problems := l.Compile(s); len(problems) > 0 {
						b.Fatal(problems)
					}
				}
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(13*files*b.N), "µs/name")
		})
	}
}

// writeMIBs writes so many MIB files of 65 objects each, and one with 300 types that all of them import.
func writeMIBs(b *testing.B, dir string, files int) {
	b.Helper()
	write := func(name string, text *strings.Builder) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text.String()+"END\n"), 0o600); err != nil {
			b.Fatal(err)
		}
	}
	var common strings.Builder
	common.WriteString("ACME-TC DEFINITIONS ::= BEGIN\nIMPORTS enterprises, Integer32 FROM SNMPv2-SMI TEXTUAL-CONVENTION FROM SNMPv2-TC;\nacme OBJECT IDENTIFIER ::= { enterprises 99999 }\n")
	for i := range 300 {
		fmt.Fprintf(&common, "AcmeType%d ::= TEXTUAL-CONVENTION STATUS current DESCRIPTION \"One of many types.\" SYNTAX INTEGER { off(0), on(1), level%d(2) }\n", i, i)
	}
	write("ACME-TC", &common)
	for i := range files {
		var text strings.Builder
		fmt.Fprintf(&text, "ACME-%d-MIB DEFINITIONS ::= BEGIN\nIMPORTS OBJECT-TYPE FROM SNMPv2-SMI acme, AcmeType%d FROM ACME-TC;\nacme%d OBJECT IDENTIFIER ::= { acme %d }\n", i, i%300, i, i+1)
		for j := range 65 {
			fmt.Fprintf(&text, "acme%dValue%d OBJECT-TYPE SYNTAX AcmeType%d MAX-ACCESS read-only STATUS current DESCRIPTION \"The value that sensor %d of the chassis reports.\" ::= { acme%d %d }\n", i, j, i%300, j, i, j+1)
		}
		write(fmt.Sprintf("ACME-%d-MIB", i), &text)
	}
}

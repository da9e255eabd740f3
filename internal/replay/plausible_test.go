package replay_test

import (
	"fmt"
	"io"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"trapline/config"
	"trapline/internal/agent"
	"trapline/internal/corpus"
	"trapline/internal/measure"
	"trapline/internal/profile"
	"trapline/internal/replay"
)

// said are values out of bounds that a device does say.
var said = []struct {
	objects   *regexp.Regexp
	low, high float64
	why       string
}{
	{regexp.MustCompile(`^(CIENA-6500R-INVENTORY-AMPS-MIB|MPBC-2RU-MIB|Montclair-MIB|NSCRTV-ROOT|1\.3\.6\.1\.4\.1\.51628\.1)\b`), 15, 40, "amplifiers of light"},
	{regexp.MustCompile(`^(CISCO-ENTITY-SENSOR-MIB::entSensorValue|ENTITY-SENSOR-MIB::entPhySensorValue)\b`), 68_000, 233_000, "a power supply whose agent counts in thousandths and states units"},
	{regexp.MustCompile(`^QUANTASTOR-SYS-STATS::storagePool-`), 1e18, 2e19, "a recording with numbers of its own"},
}

// TestLawOfPlausibleValues polls each device by the modules of auto: no measure has a value that its metric cannot have.
func TestLawOfPlausibleValues(t *testing.T) {
	book, err := config.Profiles(nil, config.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Run("own", func(t *testing.T) {
		var f finds
		for name, r := range ownDevices(t) {
			f.poll(t, book, name, r)
		}
		f.report(t)
	})
	t.Run("large", func(t *testing.T) {
		var f finds
		eachRecording(t, func(name string, content io.Reader) {
			if r, _ := agent.ReadRecording(content); r.Len() > 0 && chosen(name) {
				f.poll(t, book, name, r)
			}
		})
		files, err := filepath.Glob(filepath.Join(corpus.Large(t, "conformance"), "recordings", "*.snmprec.gz"))
		if err != nil || len(files) == 0 {
			t.Fatalf("no recordings: %v", err)
		}
		for _, file := range files {
			r, _ := agent.ReadRecording(strings.NewReader(corpus.Text(t, file)))
			f.poll(t, book, filepath.Base(file), r)
		}
		f.report(t)
		for i := range said {
			if f.said[i] == 0 && !racing {
				t.Errorf("no device says such things of %v: %s", said[i].objects, said[i].why)
			}
		}
	})
}

// finds are the implausible values by series and object, and how often each entry of said was needed.
type finds struct {
	values map[string][]string
	said   [8]int
}

// numbered is an OID of an object and its index, which its name cannot tell apart; named is an object of a MIB.
var (
	numbered = regexp.MustCompile(`hw_id="([0-9.]+)"`)
	named    = regexp.MustCompile(`hw_id="([^":]+::[\w-]+)`)
)

func (f *finds) poll(t *testing.T, book *profile.Registry, name string, r *agent.Recording) {
	t.Helper()
	pass, err := replay.Auto(t.Context(), book, r)
	if err != nil {
		t.Fatal(err)
	}
	lines, err := replay.Measures(pass)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range lines {
		at := strings.LastIndexByte(line, ' ')
		value, err := strconv.ParseFloat(line[at+1:], 64)
		if err != nil {
			t.Fatal(err)
		}
		f.check(name, line[:at], value)
	}
}

func (f *finds) check(device, series string, value float64) {
	name, labels, _ := strings.Cut(series, "{")
	if measure.Plausible(name, value) {
		return
	}
	object := ""
	for _, e := range []*regexp.Regexp{named, numbered} {
		if m := e.FindStringSubmatch(labels); m != nil {
			object = m[1]
		}
	}
	for i, s := range said {
		if s.objects.MatchString(object) && value >= s.low && value <= s.high {
			f.said[i]++
			return
		}
	}
	if f.values == nil {
		f.values = map[string][]string{}
	}
	key := name + " of " + object
	f.values[key] = append(f.values[key], fmt.Sprintf("%g, %s, {%s", value, device, labels))
}

// report fails for each object, with the first of its values.
func (f *finds) report(t *testing.T) {
	t.Helper()
	for key, list := range f.values {
		t.Errorf("%s: %d implausible values, the first %s", key, len(list), list[0])
	}
}

package setup

import (
	"cmp"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	"golang.org/x/term"

	"trapline/internal/human"
	"trapline/internal/scan"
	"trapline/internal/snmp"
	"trapline/internal/survey"
)

// The times between lines that show how far a scan is: on a terminal, and elsewhere.
const onTerminal, elsewhere = 250 * time.Millisecond, 10 * time.Second

// showScan shows on standard error how far a scan is, until stop.
func showScan(s *scan.Scan, of string) (stop func()) {
	every, end, line := elsewhere, "\n", "%s"
	if term.IsTerminal(int(os.Stderr.Fd())) {
		every, end, line = onTerminal, "", "\r%s\x1b[K"
	}
	ended := make(chan struct{})
	var showing sync.WaitGroup
	showing.Go(func() {
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			select {
			case <-ended:
				if every == onTerminal {
					fmt.Fprint(os.Stderr, "\r\x1b[K")
				}
				return
			case <-tick.C:
				fmt.Fprintf(os.Stderr, line+end, progressOf(of, s.Progress(), s.Rate()))
			}
		}
	})
	return func() { close(ended); showing.Wait() }
}

// progressOf describes how far a scan is. Addresses count by the share of questions that they were asked.
func progressOf(of string, p scan.Progress, rate int) string {
	total := max(1, p.Total)
	done := int(int64(p.Done) * int64(p.Range) / int64(total))
	left := time.Duration(total-p.Done) * time.Second / time.Duration(max(1, rate))
	text := fmt.Sprintf("%s  %d %%  %s of %s  %s found", of, 100*p.Done/total, human.Grouped(done), human.Grouped(p.Range), human.Grouped(p.Found))
	if p.New > 0 && p.New < p.Found {
		text += fmt.Sprintf(", %s new", human.Grouped(p.New))
	}
	return text + fmt.Sprintf("  %s/s  %s left", human.Grouped(rate), human.Duration(left.Round(time.Second)))
}

// deviceAt is how the address of a device is written as that of a target.
func deviceAt(d *scan.Device, port int) string { return scanned(d.Address, cmp.Or(int(d.Port), port)) }

// tookOf is how long a device took to answer, "-" where that is unknown.
func tookOf(d *scan.Device) string {
	if d.Took == 0 {
		return "-"
	}
	return d.Took.Round(100 * time.Microsecond).String()
}

// scanned is how an address is written as that of a target.
func scanned(a netip.Addr, port int) string {
	if port == 161 {
		return a.String()
	}
	return netip.AddrPortFrom(a, uint16(port)).String()
}

func printScan(out io.Writer, devices []scan.Device, engines []scan.Record, list []survey.Candidate, port int) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "ADDRESS\tNAME\tANSWERS\tTOOK\tDESCRIPTION")
	for i := range devices {
		d := &devices[i]
		address := deviceAt(d, port)
		if more := len(d.Addresses) - 1; more > 0 {
			address += fmt.Sprintf(" (+%d)", more)
		}
		answers := d.Auth
		if c := candidateOf(list, d.Auth); c != nil && c.Auth != nil { // a server does not say more than the name
			answers = c.Describe()
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", address, cmp.Or(oneLine(d.Facts.Name), "-"), oneLine(answers), tookOf(d), oneLine(d.Facts.Descr))
	}
	for i := range engines {
		id := engines[i].EngineID()
		fmt.Fprintf(w, "%s\t-\tv3, and none of the auths (engine %x, %s)\t-\t\n", scanned(engines[i].Address, port), id, snmp.DescribeEngineID(id))
	}
	return w.Flush()
}

func candidateOf(list []survey.Candidate, name string) *survey.Candidate {
	i := slices.IndexFunc(list, func(c survey.Candidate) bool { return c.Name == name })
	if i < 0 {
		return nil
	}
	return &list[i]
}

// formatScan writes the devices as targets.
func formatScan(format string, devices []scan.Device, list []survey.Candidate, port int) ([]byte, error) {
	switch format {
	case "json":
		return scanJSON(devices, port)
	case "csv":
		return scanCSV(devices, port)
	}
	found := make([]survey.Surveyed, 0, len(devices))
	for i := range devices {
		d := &devices[i]
		s := survey.Surveyed{Address: deviceAt(d, port), By: candidateOf(list, d.Auth), Descr: remarkOf(d)}
		if d.Name != d.Address.String() {
			s.Name = d.Name
		}
		if s.By != nil {
			found = append(found, s)
		}
	}
	return initialYAML("scan", found), nil
}

// remarkOf is the comment beside a target: its sysDescr, and how long it took to answer.
func remarkOf(d *scan.Device) string {
	text := fmt.Sprintf("%s in %s: %s", d.Auth, tookOf(d), oneLine(d.Facts.Descr))
	if len(d.Addresses) > 1 {
		text += fmt.Sprintf(" (%d addresses)", len(d.Addresses))
	}
	return text
}

// scanJSON writes a list of Prometheus' file_sd.
func scanJSON(devices []scan.Device, port int) ([]byte, error) {
	type group struct {
		Targets []string          `json:"targets"`
		Labels  map[string]string `json:"labels"`
	}
	list := make([]group, 0, len(devices))
	for i := range devices {
		list = append(list, group{[]string{deviceAt(&devices[i], port)}, labelsOf(&devices[i])})
	}
	text, err := json.MarshalIndent(list, "", "  ")
	return append(text, '\n'), err
}

func scanCSV(devices []scan.Device, port int) ([]byte, error) {
	var b strings.Builder
	w := csv.NewWriter(&b)
	rows := [][]string{{"address", "name", "auth"}}
	for i := range devices {
		rows = append(rows, []string{deviceAt(&devices[i], port), oneLine(devices[i].Name), devices[i].Auth})
	}
	err := w.WriteAll(rows)
	return []byte(b.String()), err
}

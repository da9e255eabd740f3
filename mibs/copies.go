package mibs

import (
	"bytes"
	"cmp"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"trapline/mibs/smi"
)

// choice is the chosen copy of a module, with diagnostics about the other copies.
type choice struct {
	path       string
	passedOver []smi.Diagnostic
}

// choose returns the copy of a module that counts. Files are read to choose only where there are several.
func (d *Directories) choose(name string) choice {
	copies := d.copies[name]
	if len(copies) < 2 {
		if len(copies) == 0 {
			return choice{}
		}
		return choice{path: copies[0].path}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	c, known := d.chosen[name]
	if !known {
		c = chooseCopy(name, copies)
		d.chosen[name] = c
	}
	return c
}

// judged is a copy with the properties by which it is chosen.
type judged struct {
	fileCopy
	place       int
	faulty      bool
	lastUpdated string
	misnamed    bool
}

func chooseCopy(name string, copies []fileCopy) (c choice) {
	var list []judged
	for i, f := range copies {
		list = append(list, judge(name, i, f))
	}
	best := slices.MinFunc(list, func(a, b judged) int {
		return cmp.Or(falseFirst(a.faulty, b.faulty), cmp.Compare(a.dir, b.dir), cmp.Compare(b.lastUpdated, a.lastUpdated),
			falseFirst(a.misnamed, b.misnamed), cmp.Compare(a.place, b.place))
	})
	c.path = best.path
	for _, other := range list {
		if other.place != best.place {
			text := fmt.Sprintf("module %s is in %s too: that one counts, %s", name, best.path, best.because(other))
			c.passedOver = append(c.passedOver, smi.Diagnostic{File: other.path, Module: name, Text: text})
		}
	}
	return c
}

// because says why a copy is preferred to another.
func (j judged) because(other judged) string {
	switch {
	case j.faulty != other.faulty:
		return "which has no syntax errors"
	case j.dir != other.dir:
		return "whose directory comes first"
	case j.lastUpdated != other.lastUpdated:
		return "which is newer"
	case j.misnamed != other.misnamed:
		return "which is named as the module"
	}
	return "which comes first"
}

func judge(name string, place int, f fileCopy) judged {
	j := judged{fileCopy: f, place: place, faulty: true}
	base := filepath.Base(f.path)
	j.misnamed = !strings.EqualFold(strings.TrimSuffix(base, filepath.Ext(base)), name) && !strings.EqualFold(base, name)
	var buffer bytes.Buffer
	if readInto(&buffer, f.path) != nil {
		return j
	}
	modules, _ := new(smi.Parser).Parse(f.path, buffer.String())
	for _, m := range modules {
		if m.Name == name {
			j.faulty = m.Recoveries > 0
			if m.LastUpdated != "" {
				j.lastUpdated = smi.FullDate(m.LastUpdated)
			}
			break
		}
	}
	return j
}

package draft

import (
	"strings"

	"trapline/mibs"
	"trapline/mibs/smi"
)

// spaces are the memories and filesystems of a table or of scalars: objects for used, free, total and percent that have
// the rest of their names in common.
func spaces(all []*object, name string) []Measure {
	var measures []Measure
	groups := map[string]int{} // index in measures
	for _, o := range all {
		metric, key := o.space()
		if metric == "" {
			continue
		}
		rest := o.spaceName()
		at, known := groups[metric+rest]
		if !known {
			at = len(measures)
			groups[metric+rest] = at
			measures = append(measures, Measure{Object: o.node, Metric: metric, Name: spaceLabel(o, name, metric), Parts: map[string]*mibs.Node{}, Unit: "By"})
		}
		m := &measures[at]
		if m.Parts[key] == nil {
			m.Parts[key] = o.node
		}
		if o.node.Syntax.Type == smi.OctetString {
			m.Text = numberInText
		}
		if key != "percent" {
			m.Unit = o.sizeUnit()
		}
	}
	var whole []Measure
	for _, m := range measures {
		if len(m.Parts) >= 2 || m.Parts["percent"] != nil {
			whole = append(whole, m)
		}
	}
	return whole
}

var sizes = []string{"size", "total", "capacity", "installed", "physical", "all", "max"}

// space is the metric of a memory or filesystem and the object's part in it.
func (o *object) space() (metric, key string) {
	switch o.node.Syntax.Type {
	case smi.Other, smi.ObjectIdentifier, smi.Bits, smi.IPAddress, smi.TimeTicks:
		return "", ""
	}
	if o.isTransient() || o.has("number", "num", "count", "progress", "endurance", "wear", "life") || len(o.node.Syntax.Labels) > 0 || o.hasAny(without(settings, "max", "high", "low")) {
		return "", ""
	}
	switch {
	case o.mentions("memory", "mem", "ram", "dram", "sdram", "swap", "heap", "mempool") && !o.mentions("process", "module", "dimm", "flash"):
		metric = "system_memory"
	case o.mentions("disk", "filesystem", "fs", "storage", "flash", "partition", "volume", "vol", "aggr", "pool", "dasd", "hdd", "datastore", "df") && !o.mentions("memory"):
		metric = "system_filesystem"
	default:
		return "", ""
	}
	sized := has(o.units, "byte", "kb", "mb", "gb", "octet") || has(o.joint, " bytes", " kb ", " mb ", " kbytes", " gb ")
	percent := !sized && (o.isPercent() || o.has("rate", "ratio") || o.ranges(100) || has(o.text, "percent", "%", "utilization", "utilisation") && !has(o.text, "byte", "kb", "mb") || o.has("usage") && !has(o.text, "byte", "kb", "mb"))
	free := o.has("free", "freed", "avail", "available", "unused", "remaining", "idle")
	switch {
	case percent && free, o.has("buffer", "buffers", "cached", "cache", "peak", "page", "pages", "inode", "inodes", "files", "shared", "largest", "fragment"):
		return "", ""
	case percent:
		return metric, "percent"
	case free:
		return metric, "free"
	case o.has("used", "inuse", "allocated", "consumed", "usage", "alloc", "allocate", "use"):
		return metric, "used"
	case o.has(sizes...):
		return metric, "total"
	}
	return "", ""
}

// spaceName is what the objects of one memory have in common.
func (o *object) spaceName() string {
	var rest []string
	for _, w := range o.words {
		switch w {
		case "used", "free", "total", "size", "percent", "percentage", "pct", "perc", "util", "utilization", "usage", "avail", "available", "capacity", "unused", "rate", "in", "use", "kb", "mb", "gb", "bytes", "kbytes", "mbytes", "b", "installed", "allocated",
			"ratio", "physical", "amount", "current", "idle", "allocate", "usedpercent", "space", "system", "sys", "real", "of", "hc", "high", "low", "overflow", "remaining", "max", "all", "alloc":
			continue
		}
		rest = append(rest, w)
	}
	return strings.Join(rest, " ")
}

// spaceLabel names a memory: by its row, or system, swap, heap.
func spaceLabel(o *object, name, metric string) string {
	if o.node.Kind == smi.Column && name != "" {
		return name
	}
	for _, w := range []string{"swap", "heap", "virtual", "buffer", "shared", "flash", "kernel"} {
		if o.has(w) {
			return w
		}
	}
	if metric == "system_memory" {
		if o.node.Kind == smi.Column {
			return "{index}"
		}
		return "system"
	}
	if o.node.Kind == smi.Column {
		return "{index}"
	}
	return o.spaceName()
}

// sizeUnit is the unit of sizes, by UNITS, by the name, by the description.
func (o *object) sizeUnit() string {
	for _, text := range []string{" " + o.units + " ", o.joint, o.text} {
		switch {
		case has(text, " kb", "kbyte", "kilobyte", "kilo byte", "k byte", "kib", "1024", " k ", "kbs", "in k"):
			return "KiBy"
		case has(text, " mb", "mbyte", "megabyte", "mega byte", "m byte", "mib ", "mebi", " meg"):
			return "MiBy"
		case has(text, " gb", "gbyte", "gigabyte", "gib"):
			return "GiBy"
		case has(text, "byte", "octet"):
			return "By"
		}
	}
	return "By"
}

func has(text string, parts ...string) bool {
	for _, p := range parts {
		if strings.Contains(text, p) {
			return true
		}
	}
	return false
}

package poller

import (
	"trapline/collector"
	"trapline/internal/series"
)

// The series that a pass has about itself are named as snmp_exporter's.
var scrapeDescs = []struct {
	desc  *series.Desc
	value func(*collector.Result) float64
}{
	{gauge("snmp_scrape_duration_seconds", "Total SNMP time scrape took (walk and processing)."),
		func(r *collector.Result) float64 { return r.Duration.Seconds() }},
	{gauge("snmp_scrape_packets_retried", "Packets retried for get, bulkget, and walk; with retries in the scrape."),
		func(r *collector.Result) float64 { return float64(r.Stats.Retries) }},
	{gauge("snmp_scrape_packets_sent", "Packets sent for get, bulkget, and walk; including retries."),
		func(r *collector.Result) float64 { return float64(r.Stats.Packets) }},
	{gauge("snmp_scrape_pdus_returned", "PDUs returned from get, bulkget, and walk."),
		func(r *collector.Result) float64 { return float64(r.Stats.VarBinds) }},
	{gauge("snmp_scrape_walk_duration_seconds", "Time SNMP walk/bulkwalk took."),
		func(r *collector.Result) float64 { return r.WalkDuration.Seconds() }},
}

func gauge(name, help string) *series.Desc {
	return &series.Desc{Name: name, Help: help, Type: series.Gauge}
}

func counter(name, help string) *series.Desc {
	return &series.Desc{Name: name, Help: help, Type: series.Counter}
}

// scrapeSet says how the pass with each module went, where the target answered.
func scrapeSet(results []collector.Result) *series.Set {
	table := &series.Table{}
	set := &series.Set{}
	for _, d := range scrapeDescs {
		set.Columns = append(set.Columns, series.Column{Desc: d.desc, Table: table})
	}
	for i := range results {
		r := &results[i]
		if r.Down() {
			continue
		}
		table.Labels = series.AppendLabel(table.Labels, len(table.Labels), "module", []byte(r.Module.Name))
		table.AddRow()
		for i, d := range scrapeDescs {
			set.Columns[i].Values = append(set.Columns[i].Values, d.value(r))
		}
	}
	return set
}

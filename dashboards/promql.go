package dashboards

import "fmt"

// The choices of the viewer, as selectors. A device without the label $by, such as the scrape of Trapline itself, is none.
const (
	devices    = `{job=~"$job", $by!="", $label=~"$value"}`
	device     = `{job=~"$job", $by="$device"}`
	interfaces = `{job=~"$job", $by="$device", ifName=~"$interface", ifAlias=~"$alias"}`
)

// with adds a matcher to a selector.
func with(selector, matcher string) string { return selector[:len(selector)-1] + ", " + matcher + "}" }

// named copies the label that names devices to the label device.
func named(expr string) string {
	return fmt.Sprintf(`label_replace(%s, "device", "$1", "$by", "(.*)")`, expr)
}

// per combines series of a device that differ in other labels than more; the operator is max, sum and so on.
func per(operator, more, expr string) string {
	labels := "device"
	if more != "" {
		labels += ", " + more
	}
	return by(operator, labels, named(expr))
}

// status is 1 for each device that answered, by Trapline's last poll or by the scrape.
func status(selector string) string {
	return per("max", "", fmt.Sprintf("trapline_target_up%[1]s or up%[1]s", selector))
}

// duration is the time that the last poll of each device took.
func duration(selector string) string {
	return per("max", "", fmt.Sprintf("trapline_target_pass_duration_seconds%[1]s or snmp_scrape_duration_seconds%[1]s", selector))
}

// age is the time since each device answered.
func age(selector string) string {
	return per("min", "", fmt.Sprintf("trapline_target_age_seconds%[1]s or time() - timestamp(up%[1]s == 1)", selector))
}

// loss is the share of requests that were retransmitted in the last poll of each device.
func loss(selector string) string {
	return per("max", "", fmt.Sprintf("trapline_target_loss_ratio%[1]s or snmp_scrape_packets_retried%[1]s / (snmp_scrape_packets_sent%[1]s > 0)", selector))
}

// uptime is the time since each device started, in seconds.
func uptime(selector string) string { return per("max", "", "sysUpTime"+selector+" / 100") }

// firing is the alerts that are firing, each once.
func firing(matcher string) string {
	return `ALERTS{alertstate="firing", job=~"$job", ` + matcher + `}`
}

// octets is the traffic of interfaces in bits per second; the direction is In or Out. Interfaces
// without 64-bit counters count with 32 bits.
func octets(direction, selector string) string {
	return fmt.Sprintf("8 * (rate(ifHC%[1]sOctets%[2]s[$__rate_interval]) or rate(if%[1]sOctets%[2]s[$__rate_interval]))", direction, selector)
}

// speed is the speed of interfaces in bits per second, of those that have one.
func speed(selector string) string {
	return fmt.Sprintf("(1e6 * ifHighSpeed%[1]s > 0 or ifSpeed%[1]s > 0)", selector)
}

// use is the traffic of interfaces as a share of their speed.
func use(direction, selector string) string {
	return octets(direction, selector) + "\n  / " + speed(selector)
}

// faults is the packets that interfaces received with errors, could not send or dropped, per second.
func faults(selector string) string {
	return fmt.Sprintf(`rate(ifInErrors%[1]s[$__rate_interval]) + rate(ifOutErrors%[1]s[$__rate_interval])
  + rate(ifInDiscards%[1]s[$__rate_interval]) + rate(ifOutDiscards%[1]s[$__rate_interval])`, selector)
}

// down is the interfaces that should be up and are not.
func down(selector string) string {
	return fmt.Sprintf("ifAdminStatus%[1]s == 1 and ifOperStatus%[1]s == 2", selector)
}

// reading is what sensors read in their base unit, of those that work.
func reading(selector string) string {
	return fmt.Sprintf(`entPhySensorValue%[1]s * 10 ^ (3 * (entPhySensorScale%[1]s - 9) - entPhySensorPrecision%[1]s)
  and entPhySensorOperStatus%[1]s == 1`, selector)
}

// both is an expression for each direction, which the label direction names.
func both(in, out string) string {
	return fmt.Sprintf("label_replace(%s, \"direction\", \"in\", \"\", \"\")\nor\nlabel_replace(%s, \"direction\", \"out\", \"\", \"\")", in, out)
}

// orZero is an expression that is 0 where it would be nothing.
func orZero(expr string) string { return expr + " or vector(0)" }

// orNone is an expression whose series have a label; where it would be nothing it is 0 for "none".
func orNone(expr, label string) string {
	return fmt.Sprintf(`%s or label_replace(vector(0), "%s", "none", "", "")`, expr, label)
}

// topk is the k greatest of an expression's series.
func topk(k int, expr string) string { return fmt.Sprintf("topk(%d,\n%s\n)", k, expr) }

// by combines series that differ in other labels.
func by(operator, labels, expr string) string {
	return fmt.Sprintf("%s by (%s) (%s)", operator, labels, expr)
}

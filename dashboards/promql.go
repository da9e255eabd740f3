package dashboards

import "fmt"

// The viewer's choices as selectors. Series without the label $by, such as the scrape of Trapline
// itself, are not selected.
const (
	devices    = `{job=~"$job", $by!="", $label=~"$value"}`
	device     = `{job=~"$job", $by="$device"}`
	interfaces = `{job=~"$job", $by="$device", ifName=~"$interface", ifAlias=~"$alias"}`
)

// with adds a matcher to a selector.
func with(selector, matcher string) string { return selector[:len(selector)-1] + ", " + matcher + "}" }

// named copies the label $by to the label device.
func named(expr string) string {
	return fmt.Sprintf(`label_replace(%s, "device", "$1", "$by", "(.*)")`, expr)
}

// per aggregates the series of a device over all labels but more; the operator is max, sum and so
// on.
func per(operator, more, expr string) string {
	labels := "device"
	if more != "" {
		labels += ", " + more
	}
	return by(operator, labels, named(expr))
}

// status returns 1 for each device that responded to Trapline's last poll or to the scrape,
// otherwise 0.
func status(selector string) string {
	return per("max", "", fmt.Sprintf("trapline_target_up%[1]s or up%[1]s", selector))
}

// duration returns the duration of the last poll of each device.
func duration(selector string) string {
	return per("max", "", fmt.Sprintf("trapline_target_pass_duration_seconds%[1]s or snmp_scrape_duration_seconds%[1]s", selector))
}

// age returns the time since each device last responded.
func age(selector string) string {
	return per("min", "", fmt.Sprintf("trapline_target_age_seconds%[1]s or time() - timestamp(up%[1]s == 1)", selector))
}

// loss returns the share of retransmitted requests in the last poll of each device.
func loss(selector string) string {
	return per("max", "", fmt.Sprintf("trapline_target_loss_ratio%[1]s or snmp_scrape_packets_retried%[1]s / (snmp_scrape_packets_sent%[1]s > 0)", selector))
}

// uptime returns the time since each device started, in seconds.
func uptime(selector string) string { return per("max", "", "sysUpTime"+selector+" / 100") }

// firing returns the firing alerts, each once.
func firing(matcher string) string {
	return `ALERTS{alertstate="firing", job=~"$job", ` + matcher + `}`
}

// firingOf returns the firing alerts of the chosen device. Those that Trapline evaluates name it by target, also where
// Prometheus names its other series by instance.
func firingOf() string { return firing(`$by="$device"`) + "\n  or " + firing(`target="$device"`) }

// firingByDevice counts firing alerts by the device, which Trapline's own name by target, and by other labels.
func firingByDevice(more, matcher string) string {
	return by("count", "device, "+more, fmt.Sprintf(`label_replace(%s, "device", "$1", "target", "(.+)")`, named(firing(matcher))))
}

// octets returns the traffic of interfaces in bits per second; the direction is In or Out. For
// interfaces without 64-bit counters it uses the 32-bit counters.
func octets(direction, selector string) string {
	return fmt.Sprintf("8 * (rate(ifHC%[1]sOctets%[2]s[$__rate_interval]) or rate(if%[1]sOctets%[2]s[$__rate_interval]))", direction, selector)
}

// speed returns the speed of interfaces in bits per second, of those that report one.
func speed(selector string) string {
	return fmt.Sprintf("(1e6 * ifHighSpeed%[1]s > 0 or ifSpeed%[1]s > 0)", selector)
}

// use returns the traffic of interfaces as a share of their speed.
func use(direction, selector string) string {
	return octets(direction, selector) + "\n  / " + speed(selector)
}

// faults returns the packets that interfaces received with errors, failed to send or dropped, per
// second.
func faults(selector string) string {
	return fmt.Sprintf(`rate(ifInErrors%[1]s[$__rate_interval]) + rate(ifOutErrors%[1]s[$__rate_interval])
  + rate(ifInDiscards%[1]s[$__rate_interval]) + rate(ifOutDiscards%[1]s[$__rate_interval])`, selector)
}

// down returns the interfaces that are administratively up and operationally not up.
func down(selector string) string {
	return fmt.Sprintf("ifAdminStatus%[1]s == 1 and ifOperStatus%[1]s == 2", selector)
}

// both combines an expression for each direction, distinguished by the label direction.
func both(in, out string) string {
	return fmt.Sprintf("label_replace(%s, \"direction\", \"in\", \"\", \"\")\nor\nlabel_replace(%s, \"direction\", \"out\", \"\", \"\")", in, out)
}

// orZero returns an expression that is 0 instead of empty.
func orZero(expr string) string { return expr + " or vector(0)" }

// orNone returns an expression by a label; instead of an empty result it has 0 for "none".
func orNone(expr, label string) string {
	return fmt.Sprintf(`%s or label_replace(vector(0), "%s", "none", "", "")`, expr, label)
}

// topk returns the k greatest series of an expression.
func topk(k int, expr string) string { return fmt.Sprintf("topk(%d,\n%s\n)", k, expr) }

// by aggregates series over all other labels.
func by(operator, labels, expr string) string {
	return fmt.Sprintf("%s by (%s) (%s)", operator, labels, expr)
}

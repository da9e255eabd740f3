package dashboards

import "fmt"

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

// reading is what sensors of a kind read in its base unit, of those that are well.
func reading(selector string) string {
	return fmt.Sprintf(`entPhySensorValue%[1]s * 10 ^ (3 * (entPhySensorScale%[1]s - 9) - entPhySensorPrecision%[1]s)
  and entPhySensorOperStatus%[1]s == 1`, selector)
}

// both is an expression for each direction, told apart by a label.
func both(in, out string) string {
	return fmt.Sprintf("label_replace(%s, \"direction\", \"in\", \"\", \"\")\nor\nlabel_replace(%s, \"direction\", \"out\", \"\", \"\")", in, out)
}

// orZero is an expression that is 0 where it would be nothing.
func orZero(expr string) string { return expr + " or vector(0)" }

// topk is the k greatest of an expression's series.
func topk(k int, expr string) string { return fmt.Sprintf("topk(%d,\n%s\n)", k, expr) }

// by combines series that differ in other labels; prefix is the operator.
func by(operator, labels, expr string) string {
	return fmt.Sprintf("%s by (%s) (%s)", operator, labels, expr)
}

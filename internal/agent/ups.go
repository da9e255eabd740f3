package agent

import (
	"fmt"
	"math"
	"math/rand/v2"

	"trapline/internal/snmp"
)

var upsObjects = snmp.MustParseOID("1.3.6.1.2.1.33.1")

// outage is the frequency of mains failures in radians per second: the second half of every half
// hour.
const outage = 2 * math.Pi / 1800

// UPS returns the n-th uninterruptible power supply (RFC 1628): three input and three output lines.
// It runs on battery in the second half of every half hour.
func UPS(n int) *Recording {
	var b Builder
	rng := figures(3, uint64(n))
	b.system(identity{
		product: 3, name: fmt.Sprintf("ups-%03d", n), services: 72, location: fmt.Sprintf("Power room %d", 1+n),
		descr: "Example Power UP-10K double conversion UPS, card release 2.0.8",
	}, rng)
	mac := macOf(3, n, 1)
	b.interfaces([]port{{
		index: 1, name: "eth0", descr: "eth0", kind: ethernet, mtu: 1500, mbit: 100, mac: mac, admin: up, oper: up,
		in: traffic(rng, 1), out: traffic(rng, 1),
	}})
	b.upsIdentity(n)
	b.upsBattery(rng)
	b.upsLines(rng)
	b.upsRest()
	return b.Recording()
}

func ups(arcs ...uint32) snmp.OID { return oid(upsObjects, arcs...) }

func (b *Builder) upsIdentity(n int) {
	for i, text := range []string{
		"Example Power", "UP-10K", "4.11", "2.0.8", fmt.Sprintf("ups-%03d", n), "racks 1 to 4",
	} {
		b.Text(ups(1, uint32(i)+1, 0), text)
	}
}

// onBattery returns a value that is calm on mains and changes to other during an outage.
func onBattery(calm, other, steepness float64) Wave {
	low, high := min(calm, other), max(calm, other)
	if other > calm {
		steepness = -steepness
	}
	return Wave{Shape: Sine, Initial: calm, Scale: steepness, Rate: outage, Min: low, Max: high}
}

// abrupt is the steepness of an immediate change.
const abrupt = 1e6

func (b *Builder) upsBattery(rng *rand.Rand) {
	b.Int(ups(2, 1, 0), 2) // batteryNormal
	b.Wave(ups(2, 2, 0), snmp.Integer, onBattery(0, 600, 600))
	b.Wave(ups(2, 3, 0), snmp.Integer, onBattery(48, 5, 30))
	b.Wave(ups(2, 4, 0), snmp.Integer, onBattery(100, 5, 60))
	b.Wave(ups(2, 5, 0), snmp.Integer, onBattery(2730, 2400, 200))
	b.Wave(ups(2, 6, 0), snmp.Integer, onBattery(0, 140, abrupt))
	b.Wave(ups(2, 7, 0), snmp.Integer, Wave{
		Shape: Sine, Initial: 24 + 4*rng.Float64(), Scale: 3, Rate: outage, Phase: rng.Float64(), Max: 90,
	})
}

// upsLines adds the tables of input, output and bypass.
func (b *Builder) upsLines(rng *rand.Rand) {
	b.Uint(ups(3, 1, 0), snmp.Counter32, 4)
	b.Wave(ups(4, 1, 0), snmp.Integer, onBattery(3, 5, abrupt)) // normal, battery
	b.Int(ups(4, 2, 0), 500)
	b.Int(ups(5, 1, 0), 500)
	for _, group := range []uint32{3, 4, 5} {
		lines := uint32(2) // upsInputNumLines and upsBypassNumLines
		if group == 4 {
			lines = 3
		}
		b.Int(ups(group, lines, 0), 3)
	}
	for line := uint32(1); line <= 3; line++ {
		volts, amperes := 226+8*rng.Float64(), 80+60*rng.Float64()
		watts := volts * amperes / 10
		b.Wave(ups(3, 3, 1, 2, line), snmp.Integer, onBattery(500, 0, abrupt))
		b.Wave(ups(3, 3, 1, 3, line), snmp.Integer, onBattery(math.Floor(volts), 0, abrupt))
		b.Wave(ups(3, 3, 1, 4, line), snmp.Integer, onBattery(math.Floor(amperes), 0, abrupt))
		b.Wave(ups(3, 3, 1, 5, line), snmp.Integer, onBattery(math.Floor(watts), 0, abrupt))
		b.Int(ups(4, 4, 1, 2, line), 230)
		b.Wave(ups(4, 4, 1, 3, line), snmp.Integer, load(amperes))
		b.Wave(ups(4, 4, 1, 4, line), snmp.Integer, load(watts))
		b.Wave(ups(4, 4, 1, 5, line), snmp.Integer, load(watts/33))
		b.Int(ups(5, 3, 1, 2, line), 229)
		b.Int(ups(5, 3, 1, 3, line), 0)
		b.Int(ups(5, 3, 1, 4, line), 0)
	}
}

// load returns a value that follows the load of the racks.
func load(average float64) Wave {
	return Wave{Shape: Sine, Initial: average, Scale: average / 10, Rate: 2 * math.Pi / 900, Deviation: average / 50, Max: 2 * average}
}

// upsRest adds alarms, tests, control and configuration.
func (b *Builder) upsRest() {
	b.Uint(ups(6, 1, 0), snmp.Gauge32, 1)
	b.ObjectID(ups(6, 2, 1, 2, 1), ups(6, 3, 10)) // upsAlarmBypassBad
	b.Uint(ups(6, 2, 1, 3, 1), snmp.TimeTicks, 36_000)
	b.ObjectID(ups(7, 1, 0), ups(7, 7, 1)) // upsTestNoTestsInitiated
	b.Int(ups(7, 2, 0), 1)
	b.Int(ups(7, 3, 0), 6) // noTestsInitiated
	b.Text(ups(7, 4, 0), "")
	b.Uint(ups(7, 5, 0), snmp.TimeTicks, 0)
	b.Int(ups(7, 6, 0), 0)
	for i, v := range []int64{2, -1, -1, -1, 1} {
		b.Int(ups(8, uint32(i)+1, 0), v)
	}
	for i, v := range []int64{230, 500, 230, 500, 10_000, 9_000, 5, 2, 195, 265} {
		b.Int(ups(9, uint32(i)+1, 0), v)
	}
}

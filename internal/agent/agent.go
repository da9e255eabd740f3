// Package agent answers SNMP requests over UDP from recordings of devices, real ones (snmprec files)
// or ones built in code, and misbehaves on demand. It implements no MIB and accepts no change: what
// an object is called and means is known to whoever made the recording.
package agent

// Package agent answers SNMP requests over UDP from recordings of devices, either real ones
// (snmprec files) or built in code, and injects faults on demand. It implements no MIB and rejects
// every SetRequest.
package agent

// Package neighbours finds the links between the devices of a fleet in their tables of neighbours, by LLDP
// (IEEE 802.1AB, LLDP-MIB) and CDP (CISCO-CDP-MIB). No device is believed alone: see Book.
package neighbours

// Package listen receives the notifications of devices: traps and informs of all versions. A reader per socket admits
// datagrams by their sender, workers decode and authenticate them, and each notification is counted, noted in the
// journal, and given to the rules that make alarms of it.
package listen

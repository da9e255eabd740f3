/*
 * Writes reference.tsv: what Net-SNMP makes of modules.
 *   cc -o reference reference.c -lnetsnmp && ./reference DIRECTORIES MODULE... >reference.tsv
 * DIRECTORIES have colons between them. Debian's packages are gcc and libsnmp-dev.
 */
#include <net-snmp/net-snmp-config.h>
#include <net-snmp/net-snmp-includes.h>

struct word { int number; const char *name; };

static const struct word types[] = {
	{TYPE_OBJID, "OBJID"}, {TYPE_OCTETSTR, "OCTETSTR"}, {TYPE_INTEGER, "INTEGER"}, {TYPE_NETADDR, "NETADDR"},
	{TYPE_IPADDR, "IPADDR"}, {TYPE_COUNTER, "COUNTER"}, {TYPE_GAUGE, "GAUGE"}, {TYPE_TIMETICKS, "TIMETICKS"},
	{TYPE_OPAQUE, "OPAQUE"}, {TYPE_COUNTER64, "COUNTER64"}, {TYPE_BITSTRING, "BITSTRING"}, {TYPE_UINTEGER, "UINTEGER"},
	{TYPE_UNSIGNED32, "UNSIGNED32"}, {TYPE_INTEGER32, "INTEGER32"}, {TYPE_NOTIFTYPE, "NOTIFTYPE"},
	{TYPE_OBJGROUP, "OBJGROUP"}, {TYPE_NOTIFGROUP, "NOTIFGROUP"}, {TYPE_MODID, "MODID"}, {TYPE_AGENTCAP, "AGENTCAP"},
	{TYPE_MODCOMP, "MODCOMP"}, {TYPE_OBJIDENTITY, "OBJIDENTITY"}, {0, NULL},
}, accesses[] = {
	{MIB_ACCESS_READONLY, "READONLY"}, {MIB_ACCESS_READWRITE, "READWRITE"}, {MIB_ACCESS_WRITEONLY, "WRITEONLY"}, {MIB_ACCESS_NOACCESS, "NOACCESS"},
	{MIB_ACCESS_NOTIFY, "NOTIFY"}, {MIB_ACCESS_CREATE, "CREATE"}, {0, NULL},
};

static const char *name_of(const struct word *list, int number, const char *otherwise)
{
	for (; list->name; list++)
		if (list->number == number)
			return list->name;
	return otherwise;
}

static void print_oid(struct tree *t)
{
	if (t->parent) {
		print_oid(t->parent);
		putchar('.');
	}
	printf("%lu", t->subid);
}

static int compare(const void *a, const void *b)
{
	return (*(struct enum_list **)a)->value - (*(struct enum_list **)b)->value;
}

static void print_labels(struct enum_list *e)
{
	struct enum_list *list[1024];
	int n = 0;
	for (; e && n < 1024; e = e->next)
		list[n++] = e;
	qsort(list, n, sizeof *list, compare);
	for (int i = 0; i < n; i++)
		printf("%s%d=%s", i ? "," : "", list[i]->value, list[i]->label);
}

static void print_node(struct tree *t)
{
	char buffer[256];
	const char *tc = t->tc_index >= 0 ? get_tc_descriptor(t->tc_index) : "";
	printf("%s\t%s\t", module_name(t->modid, buffer), t->label);
	print_oid(t);
	printf("\t%s\t%s\t%s\t0\t%s\t%s\t", name_of(types, t->type, "OTHER"), name_of(accesses, t->access, ""), tc ? tc : "",
	       t->hint ? t->hint : "", t->units ? t->units : "");
	print_labels(t->enums);
	putchar('\t');
	for (struct index_list *i = t->indexes; i; i = i->next)
		printf("%s%s%s", i == t->indexes ? "" : ",", i->isimplied ? "!" : "", i->ilabel);
	printf("\t%s\n", t->augments ? t->augments : "");
}

static void print_module(struct tree *t, const char *module)
{
	char buffer[256];
	for (; t; t = t->next_peer) {
		if (!strcmp(module_name(t->modid, buffer), module))
			print_node(t);
		print_module(t->child_list, module);
	}
}

int main(int argc, char **argv)
{
	netsnmp_ds_set_boolean(NETSNMP_DS_LIBRARY_ID, NETSNMP_DS_LIB_MIB_PARSE_LABEL, 1); /* underscores in names */
	netsnmp_set_mib_directory(argv[1]);
	setenv("MIBS", "", 1);
	netsnmp_init_mib();
	for (int i = 2; i < argc; i++)
		if (netsnmp_read_module(argv[i])) {
			printf("%s\t#OK\t0\n", argv[i]);
			print_module(get_tree_head(), argv[i]);
		}
	return 0;
}

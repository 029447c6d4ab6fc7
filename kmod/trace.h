/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tracepoints, "domus:*" for trace-cmd and perf. They are the record of one
 * domain's dealings with the host in their order; how often, debugfs tells.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM domus

#if !defined(DOMUS_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define DOMUS_TRACE_H

#include <linux/tracepoint.h>

#define VCPU_FIELDS				\
	__field(u32, domain)			\
	__field(u32, vcpu)

/* A full exit, before anything is done about it; @vector as cell_regs.vector. */
TRACE_EVENT(domus_exit,
	TP_PROTO(u32 domain, u32 vcpu, u64 vector, u64 rip, u64 error, bool user),
	TP_ARGS(domain, vcpu, vector, rip, error, user),
	TP_STRUCT__entry(
		VCPU_FIELDS
		__field(u64, vector)
		__field(u64, rip)
		__field(u64, error)
		__field(bool, user)
	),
	TP_fast_assign(
		__entry->domain = domain;
		__entry->vcpu = vcpu;
		__entry->vector = vector;
		__entry->rip = rip;
		__entry->error = error;
		__entry->user = user;
	),
	TP_printk("domain=%u vcpu=%u vector=%#llx %s rip=%#llx error=%#llx", __entry->domain,
		  __entry->vcpu, __entry->vector, __entry->user ? "user" : "kernel",
		  __entry->rip, __entry->error)
);

/* A page fault that the shadow tables answered; @result is enum shadow_result. */
TRACE_EVENT(domus_fault,
	TP_PROTO(u32 domain, u32 vcpu, u64 va, u64 error, u32 result),
	TP_ARGS(domain, vcpu, va, error, result),
	TP_STRUCT__entry(
		VCPU_FIELDS
		__field(u64, va)
		__field(u64, error)
		__field(u32, result)
	),
	TP_fast_assign(
		__entry->domain = domain;
		__entry->vcpu = vcpu;
		__entry->va = va;
		__entry->error = error;
		__entry->result = result;
	),
	TP_printk("domain=%u vcpu=%u va=%#llx error=%#llx result=%u", __entry->domain,
		  __entry->vcpu, __entry->va, __entry->error, __entry->result)
);

/* A call of the guest kernel, when it is done. */
TRACE_EVENT(domus_hypercall,
	TP_PROTO(u32 domain, u32 vcpu, u64 nr, u64 arg0, u64 arg1, s64 ret),
	TP_ARGS(domain, vcpu, nr, arg0, arg1, ret),
	TP_STRUCT__entry(
		VCPU_FIELDS
		__field(u64, nr)
		__field(u64, arg0)
		__field(u64, arg1)
		__field(s64, ret)
	),
	TP_fast_assign(
		__entry->domain = domain;
		__entry->vcpu = vcpu;
		__entry->nr = nr;
		__entry->arg0 = arg0;
		__entry->arg1 = arg1;
		__entry->ret = ret;
	),
	TP_printk("domain=%u vcpu=%u nr=%llu args=%#llx,%#llx ret=%lld", __entry->domain,
		  __entry->vcpu, __entry->nr, __entry->arg0, __entry->arg1, __entry->ret)
);

/* The vCPU continues at one of its entries. */
TRACE_EVENT(domus_inject,
	TP_PROTO(u32 domain, u32 vcpu, u32 to, u64 error, u64 cr2, u64 rip),
	TP_ARGS(domain, vcpu, to, error, cr2, rip),
	TP_STRUCT__entry(
		VCPU_FIELDS
		__field(u32, to)
		__field(u64, error)
		__field(u64, cr2)
		__field(u64, rip)
	),
	TP_fast_assign(
		__entry->domain = domain;
		__entry->vcpu = vcpu;
		__entry->to = to;
		__entry->error = error;
		__entry->cr2 = cr2;
		__entry->rip = rip;
	),
	TP_printk("domain=%u vcpu=%u to=%u error=%#llx cr2=%#llx rip=%#llx",
		  __entry->domain, __entry->vcpu, __entry->to, __entry->error,
		  __entry->cr2, __entry->rip)
);

/* The end of a domain: enum domus_reason and its text. */
TRACE_EVENT(domus_death,
	TP_PROTO(u32 domain, u32 code, const char *text),
	TP_ARGS(domain, code, text),
	TP_STRUCT__entry(
		__field(u32, domain)
		__field(u32, code)
		__string(text, text)
	),
	TP_fast_assign(
		__entry->domain = domain;
		__entry->code = code;
		__assign_str(text, text);
	),
	TP_printk("domain=%u code=%u %s", __entry->domain, __entry->code, __get_str(text))
);

#undef VCPU_FIELDS

#endif /* DOMUS_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>

/*
 * The lab's guest: a multiboot kernel that counts on every page of its working set, so that a page which a
 * migration lost or left stale is noticed, and beats, so that the pause which it saw can be measured.
 *
 * It powers off when its power button is pressed, where the machine has ACPI.
 *
 * Command line: ws=<MiB> working set (16), rest=<ms> pause after each pass (0), idle=1 leaves the processor alone in
 * that pause, skip=<pass> leaves one page out in that pass, which must be reported as an error; disk=1 writes the number of each pass to one of the first
 * 128 sectors of the first IDE disk in turn, and reads what it has written there before: other numbers are errors.
 * fill=<MiB> fills so much of its memory before, the working set first, with what does not compress, or with text=1
 * with what compresses to about a third.
 *
 * On COM1: "." at least every millisecond of the processor's time while it runs, and every 20 ms a line
 * "p<passes> e<errors>\n", both in eight hexadecimal digits: a line that lost a byte on its way shows.
 */
typedef unsigned int u32;
typedef unsigned long long u64;

#define COM1 0x3f8
#define PAGE 4096u
#define BASE 0x1000000u /* 16 MiB: above this program and the BIOS */
#define MAGIC 0x1badb002u
#define TICKS_PER_MS 2000000ull /* of the time stamp counter, about: 2 GHz */

__attribute__((section(".multiboot"), used)) static const u32 header[] = {MAGIC, 0, -MAGIC};

static u32 passes, errors;
static u64 next_beat, next_line;

static inline void out(unsigned short port, unsigned char byte)
{
    __asm__ volatile("outb %0, %1" : : "a"(byte), "Nd"(port));
}

static inline u64 now(void)
{
    u64 ticks;
    __asm__ volatile("rdtsc" : "=A"(ticks));
    return ticks;
}

static inline unsigned short in_word(unsigned short port)
{
    unsigned short word;
    __asm__ volatile("inw %1, %0" : "=a"(word) : "Nd"(port));
    return word;
}

static inline void out_word(unsigned short port, unsigned short word)
{
    __asm__ volatile("outw %0, %1" : : "a"(word), "Nd"(port));
}

/* Where SeaBIOS puts the power management of both of QEMU's PCs: status, what is told of, and control. */
#define POWER_STATUS 0x600
#define POWER_ENABLE 0x602
#define POWER_CONTROL 0x604
#define BUTTON 0x100
#define SLEEP_5 0x2000 /* sleep now, in the state with the type 0, which is off */

/* Switches the guest off where its button was pressed. Without ACPI nothing answers there: all bits are set. */
static void heed_button(void)
{
    unsigned short status = in_word(POWER_STATUS);
    if (status != 0xffff && (status & BUTTON))
        out_word(POWER_CONTROL, SLEEP_5);
}

/*
 * Forgets every address translation. QEMU's emulator (not KVM) loses stores otherwise: when it collects the log of
 * dirty pages, it only resets the fast path of the guest's stores where that found a page which was not waiting to
 * be sent already. So while all dirty pages wait, as they do with this guest, the log is cleared and later stores
 * to them go unnoticed until the next reset: the destination gets old pages. Seen with QEMU 7.2.22 on every
 * migration of more than one iteration. A store by a forgotten translation is always noticed.
 */
static inline void forget_translations(void)
{
    u32 bits;
    __asm__ volatile("mov %%cr0, %0; xor %1, %0; mov %0, %%cr0" : "=&r"(bits) : "i"(1u << 16) : "memory");
}

static void put_hex(u32 number)
{
    for (int shift = 28; shift >= 0; shift -= 4)
        out(COM1, "0123456789abcdef"[number >> shift & 15]);
}

static void beat(void)
{
    u64 time = now();
    forget_translations();
    if (time < next_beat)
        return;
    next_beat = time + TICKS_PER_MS / 2;
    if (time < next_line) {
        out(COM1, '.');
        return;
    }
    next_line = time + 20 * TICKS_PER_MS;
    heed_button();
    out(COM1, 'p');
    put_hex(passes);
    out(COM1, ' ');
    out(COM1, 'e');
    put_hex(errors);
    out(COM1, '\n');
}

/* The number after `name` in the command line, or what it is by default. */
static u32 option(const char *line, const char *name, u32 value)
{
    for (; *line; line++) {
        const char *at = line, *want = name;
        while (*want && *at == *want)
            at++, want++;
        if (*want)
            continue;
        for (value = 0; *at >= '0' && *at <= '9'; at++)
            value = value * 10 + (*at - '0');
        return value;
    }
    return value;
}

/* Each page holds how often it was counted on, and its own number, both different for every page and pass. */
static void count(u32 pages, u32 skip)
{
    for (u32 page = 0; page < pages; page++) {
        volatile u32 *words = (volatile u32 *)(BASE + page * PAGE);
        if (words[0] != passes || words[1] != page || words[PAGE / 4 - 1] != (passes ^ page)) {
            errors++;
            words[1] = page;
        }
        if (!(skip && passes + 1 == skip && page == pages / 2)) {
            words[0] = passes + 1;
            words[PAGE / 4 - 1] = (passes + 1) ^ page;
        }
        if (page % 64 == 0)
            beat();
    }
    passes++;
    if (skip && passes == skip + 1) { /* noticed once; from here the page counts again */
        volatile u32 *words = (volatile u32 *)(BASE + pages / 2 * PAGE);
        words[0] = passes;
        words[PAGE / 4 - 1] = passes ^ (pages / 2);
    }
}

/* So much memory as if it had been used: of 2048 words of eight letters in any order, or of random numbers. */
static void fill(u32 bytes, u32 text)
{
    static u64 words[2048];
    u64 seed = 88172645463325252ull;

    for (u32 word = 0; word < 2048; word++) {
        seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
        words[word] = (seed & 0x0f0f0f0f0f0f0f0full) + 0x6161616161616161ull;
    }
    for (volatile u64 *at = (volatile u64 *)BASE; at < (volatile u64 *)(BASE + bytes); at++) {
        seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
        *at = text ? words[(u32)(seed >> 40) % 2048] : seed;
    }
}

#define IDE 0x1f0
#define IDE_BUSY 0x80
#define IDE_DATA 0x08
#define SECTORS 128u
#define WORDS 128u /* of 32 bits in a sector */

static u32 written[SECTORS];

static inline unsigned char in(unsigned short port)
{
    unsigned char byte;
    __asm__ volatile("inb %1, %0" : "=a"(byte) : "Nd"(port));
    return byte;
}

static void await(unsigned char data)
{
    while ((in(IDE + 7) & (IDE_BUSY | data)) != data)
        beat();
}

/* Starts to read (0x20) or write (0x30) a sector. */
static void access(u32 sector, unsigned char command)
{
    await(0);
    out(IDE + 6, 0xe0);
    out(IDE + 2, 1);
    out(IDE + 3, sector);
    out(IDE + 4, 0);
    out(IDE + 5, 0);
    out(IDE + 7, command);
    await(IDE_DATA);
}

static void store(u32 number)
{
    u32 sector = number % SECTORS, wrong = 0;

    if (written[sector]) {
        access(sector, 0x20);
        for (u32 word = 0; word < WORDS; word++) {
            u32 found;
            __asm__ volatile("inl %1, %0" : "=a"(found) : "Nd"((unsigned short)IDE));
            wrong |= found ^ written[sector];
        }
        errors += wrong != 0;
    }
    access(sector, 0x30);
    for (u32 word = 0; word < WORDS; word++)
        __asm__ volatile("outl %0, %1" : : "a"(number), "Nd"((unsigned short)IDE));
    await(0);
    written[sector] = number;
}

/*
 * An interrupt of the timer does nothing but end a `hlt`. What it finds on the stack is thrown away, and it goes on
 * where EBX says: the log of dirty pages is collected while the guest halts, the emulator then loses what the
 * interrupt stores there, and an `iret` at the destination would return by an old word.
 */
void tick(void);
__asm__(".pushsection .text\n"
        "tick:\n"
        "    mov $0x20, %al\n"
        "    out %al, $0x20\n"
        "    add $12, %esp\n"
        "    jmp *%ebx\n"
        ".popsection\n");

static const u64 segments[] = {0, 0x00cf9a000000ffffull, 0x00cf92000000ffffull}; /* code and data: all of memory */
static u64 gates[0x21];

struct table {
    unsigned short limit;
    const void *base;
} __attribute__((packed));

/* The timer of the PC, as it is after the BIOS: 18 times a second, here as interrupt 0x20. */
static void start_timer(void)
{
    struct table known = {sizeof(segments) - 1, segments}, handlers = {sizeof(gates) - 1, gates};
    u32 handler = (u32)tick;

    gates[0x20] = (u64)(handler & 0xffff0000u) << 32 | 0x00008e0000080000ull | (handler & 0xffffu);
    __asm__ volatile("lgdt %0; ljmp $8, $1f; 1:" : : "m"(known));
    __asm__ volatile("mov %0, %%ds; mov %0, %%es; mov %0, %%ss" : : "r"(16));
    __asm__ volatile("lidt %0" : : "m"(handlers));
    /* The first interrupt controller: its interrupts from 0x20, and of them the timer's only. */
    out(0x20, 0x11);
    out(0x21, 0x20);
    out(0x21, 4);
    out(0x21, 1);
    out(0x21, 0xfe);
}

/* Until the timer's next interrupt; none comes elsewhere. */
static inline void idle(void)
{
    __asm__ volatile("mov $1f, %%ebx; sti; hlt; 1:" : : : "eax", "ebx", "memory", "cc");
    forget_translations();
}

__attribute__((used)) void run(const u32 *multiboot)
{
    const char *line = (multiboot[0] & 4) ? (const char *)multiboot[4] : "";
    u32 pages = option(line, "ws=", 16) * 256;
    u32 rest = option(line, "rest=", 0);
    u32 skip = option(line, "skip=", 0);
    u32 disk = option(line, "disk=", 0);
    u32 idles = option(line, "idle=", 0);

    fill(option(line, "fill=", 0) << 20, option(line, "text=", 0));
    if (in_word(POWER_STATUS) != 0xffff)
        out_word(POWER_ENABLE, BUTTON);
    if (idles)
        start_timer();
    for (u32 page = 0; page < pages; page++) {
        volatile u32 *words = (volatile u32 *)(BASE + page * PAGE);
        words[0] = 0;
        words[1] = page;
        words[PAGE / 4 - 1] = page;
    }
    for (;;) {
        count(pages, skip);
        if (disk)
            store(passes);
        for (u64 until = now() + rest * TICKS_PER_MS; now() < until;) {
            beat();
            if (idles)
                idle();
        }
    }
}

__asm__(".pushsection .text\n"
        ".globl _start\n"
        "_start:\n"
        "    mov $stack_top, %esp\n"
        "    push %ebx\n"
        "    call run\n"
        ".popsection\n"
        ".pushsection .bss\n"
        ".space 4096\n"
        "stack_top:\n"
        ".popsection\n");
